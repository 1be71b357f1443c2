"""Processor architectures, as Go, Debian and OCI call them."""

import platform

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def native_architecture() -> str:
    """`amd64` or `arm64`. KeyError on any other machine."""
    return ARCHITECTURES[platform.machine()]
