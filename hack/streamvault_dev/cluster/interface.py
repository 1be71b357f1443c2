"""What the rest of the driver may know about a cluster."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol


class ClusterError(Exception):
    """The cluster cannot do what was asked; the message says what to do about it."""


class Cluster(Protocol):
    """One of the three ways. Every method may be called again after an interruption at any point."""

    @property
    def description(self) -> str: ...

    def kubeconfig(self) -> Path:
        """The file that kubectl, helm and the tests use."""
        ...

    def answering_kubeconfig(self) -> Path | None:
        """By which its API answers right now, whatever else of it is down; None when it does not."""
        ...

    def is_running(self) -> bool:
        """All of it runs as declared now, and `kubeconfig()` is its own."""
        ...

    def start(self) -> None: ...

    def stop(self) -> list[str]:
        """Stop what `start` started and nothing else; returns what was stopped."""
        ...

    def wipe(self) -> None:
        """Delete the data of a stopped cluster that is ours."""
        ...

    def details(self) -> list[str]:
        """Lines for `make status`."""
        ...

    def released_volumes(self) -> list[str]:
        """Names of volumes whose claim was deleted, to be offered again."""
        ...

    def sweep_volumes(self) -> None:
        """Empty them and hand them back to their class."""
        ...

    def held_blobs(self) -> set[str]:
        """Digests that need not be sent again in a load."""
        ...

    def held_images(self) -> set[str]:
        """Names with tags that pods can start from."""
        ...

    def forget_images(self, prefix: str, keep: set[str]) -> None:
        """Once there are many below the prefix, remove those that are neither kept nor named by a pod."""
        ...

    def load(self, archive: Iterator[bytes], references: set[str]) -> None:
        """Take in an OCI layout as a tar stream that holds these images."""
        ...
