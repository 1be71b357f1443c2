"""The chart rendered by helm, and what tests ask of the result."""

import copy
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from streamvault_dev.golang import cluster_binaries

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "charts/streamvault"
NAMESPACE = "streamvault"
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n"
PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----\nMII\n-----END PUBLIC KEY-----\n"
ACCOUNT = (
    "telegram.apiId=12345678",
    "telegram.apiHash=0123456789abcdef0123456789abcdef",
    "manager.botToken=12345678:token-of-the-bot",
)

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Values:
    """What is given to helm: files of the repository, then single settings `path=value`."""

    name: str
    files: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name

    def arguments(self) -> list[str]:
        """As arguments of helm."""
        files = [word for name in self.files for word in ("--values", str(REPOSITORY / name))]
        return files + [word for setting in self.settings for word in ("--set", setting)]

    def plus(self, *settings: str) -> "Values":
        """The same with more settings."""
        return Values(self.name, self.files, self.settings + settings)


BOARD = Values("board", settings=ACCOUNT)
K3S = Values("k3s", files=("manifests/k3s/values.yaml",), settings=ACCOUNT)
SANDBOX = Values(
    "sandbox",
    files=("manifests/sandbox/values.yaml",),
    settings=(f"sandbox.rsaPrivateKey={PRIVATE_KEY}", f"telegram.rsaPublicKey={PUBLIC_KEY}"),
)
EXTERNAL = Values(
    "external stores",
    settings=(
        *ACCOUNT,
        "mongodb.mode=external",
        "mongodb.uri=mongodb://u:p@db.example:27017/",
        "redis.mode=external",
        "redis.url=redis://:p@cache.example:6379/0",
    ),
)
EVERYTHING = Values(
    "everything switched on",
    files=SANDBOX.files,
    settings=(
        *SANDBOX.settings,
        "networkPolicy.enabled=true",
        "networkPolicy.metricsNamespace=monitoring",
        "ingress.enabled=true",
        "ingress.host=films.example",
        "ingress.tlsSecret=films-tls",
        "podDisruptionBudget.enabled=true",
        "imagePullSecrets[0].name=registry",
    ),
)
ALL_VALUES = [BOARD, K3S, SANDBOX, EXTERNAL, EVERYTHING]


class ChartRefused(Exception):  # noqa: N818 - what a user of the chart sees
    """helm would not render; `str()` is what it printed."""


def tool(name: str) -> str:
    """Path of helm or kubeconform: the one that `make up` built, else the system's."""
    built = cluster_binaries() / name
    found = str(built) if built.exists() else shutil.which(name)
    assert found, f"{name} is not installed: `make up` builds it"
    return found


def helm(*arguments: str) -> str:
    """What a helm command prints; ChartRefused when it fails."""
    done = subprocess.run([tool("helm"), *arguments], capture_output=True, text=True, check=False, env=_environment())
    if done.returncode != 0:
        raise ChartRefused(done.stdout + done.stderr)
    return done.stdout


@functools.cache
def rendered_text(values: Values, *arguments: str) -> str:
    """The chart as one YAML text."""
    return helm("template", "streamvault", str(CHART), "-n", NAMESPACE, *values.arguments(), *arguments)


def render(values: Values, *arguments: str) -> list[Manifest]:
    """The chart as manifests."""
    return copy.deepcopy(_parsed(rendered_text(values, *arguments)))


@functools.cache
def _parsed(text: str) -> list[Manifest]:
    # The loader in C: the schemas of the CRDs make every rendering 2000 lines longer.
    return [manifest for manifest in yaml.load_all(text, Loader=yaml.CSafeLoader) if manifest]


def find(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """One manifest; KeyError when it is not there."""
    for manifest in manifests:
        if manifest["kind"] == kind and manifest["metadata"]["name"] == name:
            return manifest
    raise KeyError(f"{kind} {name}")


def names(manifests: list[Manifest], kind: str) -> set[str]:
    """Names of all manifests of a kind."""
    return {manifest["metadata"]["name"] for manifest in manifests if manifest["kind"] == kind}


def workloads(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Name and pod template of everything that makes pods."""
    for manifest in manifests:
        if manifest["kind"] in {"Deployment", "StatefulSet", "DaemonSet", "Job"}:
            yield manifest["metadata"]["name"], manifest["spec"]["template"]


def _environment() -> dict[str, str]:
    """The caller's, without a kubeconfig: rendering must not depend on a cluster."""
    return {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
