"""Every image of the project, once, with what its content depends on."""

import re
from dataclasses import dataclass
from pathlib import Path

from streamvault_dev import fingerprint
from streamvault_dev.paths import REPOSITORY

from . import checks
from .bases import Base

PREFIX = "localhost/streamvault"
PREPARED = "build/images/"  # copied by a Dockerfile, but made from sources that are hashed instead
FERRETDB_SOURCES = ("hack/images/ferretdb/go.mod", "hack/images/ferretdb/go.sum")


class CatalogueError(Exception):
    """An image cannot be described; the message names the file."""


@dataclass(frozen=True)
class ImageSpec:
    """`check` is what `make images` starts once in a fresh build to see that it lives."""

    name: str
    dockerfile: str
    check: tuple[str, ...]
    extra_sources: tuple[str, ...] = ()

    @property
    def repository(self) -> str:
        return f"{PREFIX}/{self.name}"


def _python(name: str, dockerfile: str, module: str) -> ImageSpec:
    return ImageSpec(name, dockerfile, ("/opt/venv/bin/python", "-c", f"import {module}; print('{module} imports')"))


IMAGES = (
    ImageSpec("python-base", "images/python-base/Dockerfile", ("/opt/venv/bin/python", "--version")),
    ImageSpec("redis", "images/stores/redis/Dockerfile", ("redis-server", "--version")),
    ImageSpec(
        "postgres-documentdb",
        "images/stores/postgres-documentdb/Dockerfile",
        ("/usr/lib/postgresql/18/bin/postgres", "--version"),
    ),
    ImageSpec("ferretdb", "images/stores/ferretdb/Dockerfile", ("/ferretdb", "--version"), FERRETDB_SOURCES),
    _python("operator", "operator/Dockerfile", "streamvault_operator.__main__"),
    _python("manager", "images/manager/Dockerfile", "streamvault_manager.__main__"),
    _python("worker", "images/worker/Dockerfile", "streamvault_worker.__main__"),
    _python("edge-agent", "images/edge/Dockerfile", "streamvault_edge.__main__"),
    _python("telegram-sandbox", "images/telegram-sandbox/Dockerfile", "telegram_sandbox.__main__"),
    ImageSpec("edge", "images/edge/nginx/Dockerfile", checks.EDGE_CHECK),
    ImageSpec("frontend", "images/frontend/Dockerfile", checks.FRONTEND_CHECK),
)


@dataclass(frozen=True)
class Dockerfile:
    """The two things that decide what an image contains besides its text."""

    bases: tuple[str, ...]
    copied: tuple[str, ...]


def parse_dockerfile(text: str) -> Dockerfile:
    """Images named by FROM (stages and scratch left out) and paths of the context named by COPY and ADD."""
    joined = re.sub(r"\\\s*\n", " ", re.sub(r"(?m)^\s*#.*\n?", "", text))
    stages: set[str] = set()
    bases: list[str] = []
    copied: list[str] = []
    for line in joined.splitlines():
        words = line.split()
        if not words:
            continue
        match words[0].upper():
            case "FROM":
                arguments = [word for word in words[1:] if not word.startswith("--")]
                if arguments[0] not in stages and arguments[0] != "scratch":
                    bases.append(arguments[0])
                if len(arguments) == 3:
                    stages.add(arguments[2])
            case "COPY" | "ADD" if not any(word.startswith("--from=") for word in words):
                copied += [word for word in words[1:-1] if not word.startswith("--")]
    return Dockerfile(tuple(dict.fromkeys(bases)), tuple(dict.fromkeys(copied)))


def spec_of(name: str) -> ImageSpec:
    for spec in IMAGES:
        if spec.name == name:
            return spec
    raise CatalogueError(f"no image is called {name}; there are: {', '.join(spec.name for spec in IMAGES)}")


class Plan:
    """Tags and dependencies of all images for one architecture, read from the Dockerfiles of this tree."""

    def __init__(self, architecture: str, root: Path = REPOSITORY) -> None:
        self.architecture = architecture
        self._root = root
        self._tags: dict[str, str] = {}

    def dockerfile(self, spec: ImageSpec) -> Dockerfile:
        """CatalogueError that names the file when it is missing."""
        file = self._root / spec.dockerfile
        if not file.is_file():
            raise CatalogueError(f"image {spec.name} cannot be built: {spec.dockerfile} is missing")
        return parse_dockerfile(file.read_text())

    def tag(self, spec: ImageSpec) -> str:
        """Hash of the Dockerfile, everything it copies, and everything below it."""
        if spec.name not in self._tags:
            dockerfile = self.dockerfile(spec)
            below = [self._base_hash(base) for base in dockerfile.bases]
            sources = [spec.dockerfile, *spec.extra_sources]
            for path in dockerfile.copied:
                if not path.startswith(PREPARED):
                    sources += self._expand(spec, path)
            self._tags[spec.name] = fingerprint.of_paths(self._root, sources, self.architecture, *below)
        return self._tags[spec.name]

    def reference(self, spec: ImageSpec) -> str:
        return f"{spec.repository}:{self.tag(spec)}"

    def parents(self, spec: ImageSpec) -> list[ImageSpec]:
        """Images of ours that must be built before."""
        return [spec_of(base.removeprefix(f"{PREFIX}/")) for base in self.dockerfile(spec).bases if is_ours(base)]

    def debian_bases(self, spec: ImageSpec) -> list[Base]:
        return [self._base(base) for base in self.dockerfile(spec).bases if not is_ours(base)]

    def _base_hash(self, base: str) -> str:
        return self.tag(spec_of(base.removeprefix(f"{PREFIX}/"))) if is_ours(base) else self._base(base).recipe_hash()

    def _base(self, image: str) -> Base:
        match = re.fullmatch(r"debian:(\w+)-slim", image)
        if not match:
            raise CatalogueError(f"FROM {image}: only debian:<suite>-slim and {PREFIX}/* can be built upon here")
        return Base(match[1], self.architecture)

    def _expand(self, spec: ImageSpec, path: str) -> list[str]:
        found = [str(file.relative_to(self._root)) for file in self._root.glob(path.rstrip("/"))]
        if not found:
            raise CatalogueError(f"image {spec.name}: {spec.dockerfile} copies {path}, which does not exist")
        return found


def is_ours(base: str) -> bool:
    return base.startswith(f"{PREFIX}/")
