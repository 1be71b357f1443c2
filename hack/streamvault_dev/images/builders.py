"""Two programs that turn Dockerfiles into images: buildah, which needs no daemon, and docker where one runs."""

import contextlib
import fcntl
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from streamvault_dev import commands
from streamvault_dev.paths import REPOSITORY, RUN, STATE, STEP_LOGS

from . import oci
from .bases import Base

LOG = STEP_LOGS / "images.log"
MANY_STEPS = 150
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


class Builder(Protocol):
    @property
    def lock(self) -> str:
        """Name of the lock that keeps two builds from moving the same tags."""
        ...

    def has(self, reference: str) -> bool: ...

    def ensure_base(self, base: Base) -> None: ...

    def build(self, dockerfile: str, reference: str) -> None: ...

    def tag(self, reference: str, name: str) -> None: ...

    def start_once(self, reference: str, argv: tuple[str, ...]) -> str:
        """Run a program in the image and return what it printed. CommandError."""
        ...

    def user(self, reference: str) -> str:
        """As whom the image's program runs."""
        ...

    def files(self, reference: str) -> set[str]:
        """Paths of everything in the image."""
        ...

    def archive(self, references: set[str], held_blobs: set[str]) -> Iterator[bytes]:
        """The images as one tar stream."""
        ...

    def prune(self, keep: set[str]) -> list[str]:
        """Drop older builds of the same repositories; returns their references."""
        ...


class Buildah:
    """Storage of its own per architecture, so that `debian:trixie-slim` means that architecture's."""

    def __init__(self, architecture: str, state: Path = STATE, run: Path = RUN) -> None:
        self.lock = f"images-{architecture}"
        self._architecture = architecture
        self._layout = state / "oci" / architecture
        root, runroot = (folder / f"buildah-{architecture}" for folder in (state, run))
        self._buildah = ["buildah", "--root", str(root), "--runroot", str(runroot), "--storage-driver", "overlay"]
        self._storage = f"containers-storage:[overlay@{root}+{runroot}]"

    def has(self, reference: str) -> bool:
        return commands.succeeds([*self._buildah, "inspect", "--type", "image", reference])

    def ensure_base(self, base: Base) -> None:
        marker = f"{base.image}-{base.recipe_hash()}"
        if not self.has(marker):
            archive = base.ensure_archive()
            container = commands.output([*self._buildah, "from", "--arch", self._architecture, "scratch"])
            commands.run([*self._buildah, "add", "--quiet", container, archive, "/"], log=LOG)
            commands.run([*self._buildah, "config", "--cmd", "bash", container], log=LOG)
            commands.run([*self._buildah, "commit", "--quiet", "--rm", container, marker], log=LOG)
        self.tag(marker, base.image)

    def build(self, dockerfile: str, reference: str) -> None:
        """The machine's certificates are mounted, not copied: package clients inside trust what the machine trusts."""
        trust = ["--volume", f"{CA_BUNDLE}:{CA_BUNDLE}:ro"] if CA_BUNDLE.is_file() else []
        where = ["--isolation", "chroot", "--network", "host", "--pull=never", "--layers", *trust]
        target = ["--platform", f"linux/{self._architecture}", "--build-arg", f"TARGETARCH={self._architecture}"]
        what = ["--file", dockerfile, "--tag", reference, str(REPOSITORY)]
        commands.run([*self._buildah, "bud", *where, *target, *what], log=LOG, nice=True)

    def tag(self, reference: str, name: str) -> None:
        commands.output([*self._buildah, "tag", reference, name])

    def start_once(self, reference: str, argv: tuple[str, ...]) -> str:
        container = commands.output([*self._buildah, "from", "--pull=never", reference])
        try:
            return commands.output([*self._buildah, "run", "--isolation", "chroot", container, "--", *argv])
        finally:
            commands.output([*self._buildah, "rm", container])

    def user(self, reference: str) -> str:
        return commands.output(
            [*self._buildah, "inspect", "--type", "image", "--format", "{{.OCIv1.Config.User}}", reference]
        )

    def files(self, reference: str) -> set[str]:
        container = commands.output([*self._buildah, "from", "--pull=never", reference])
        try:
            root = commands.output([*self._buildah, "mount", container])
            return {
                f"{folder.removeprefix(root)}/{name}"
                for folder, folders, files in os.walk(root)
                for name in (*folders, *files)
            }
        finally:
            commands.output([*self._buildah, "rm", container])

    def archive(self, references: set[str], held_blobs: set[str]) -> Iterator[bytes]:
        """Layers stay uncompressed: their digests are known before packing, so shared ones are written once."""
        self._layout.mkdir(parents=True, exist_ok=True)
        for reference in sorted(references):
            # `buildah push` would compress every layer again, whatever it is told.
            copy = ["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-oci-accept-uncompressed-layers"]
            commands.run([*copy, f"{self._storage}{reference}", f"oci:{self._layout}:{reference}"], log=LOG)
        return oci.archive(oci.from_layout(self._layout, references), held_blobs)

    def prune(self, keep: set[str]) -> list[str]:
        repositories = {reference.rpartition(":")[0] for reference in keep}
        listed = commands.output([*self._buildah, "images", "--format", "{{.Name}}:{{.Tag}}"]).split()
        old = [
            reference
            for reference in listed
            if reference.rpartition(":")[0] in repositories
            and not reference.endswith(":latest")
            and reference not in keep
        ]
        for reference in old:
            commands.succeeds([*self._buildah, "rmi", reference])
        # The rest are steps of builds that later builds start from: dropped only when they have become many.
        unnamed = commands.output([*self._buildah, "images", "--filter", "dangling=true", "--quiet"]).split()
        if len(unnamed) > MANY_STEPS:
            commands.succeeds([*self._buildah, "rmi", "--prune"])
        oci.prune_layout(self._layout, keep)
        return old


class Docker:
    """A docker daemon; it pulls debian:*-slim as usual."""

    lock = "images"

    def __init__(self, architecture: str) -> None:
        self._platform = f"linux/{architecture}"

    def has(self, reference: str) -> bool:
        return commands.succeeds(["docker", "image", "inspect", reference])

    def ensure_base(self, base: Base) -> None:
        """Nothing to do: the build pulls it."""

    def build(self, dockerfile: str, reference: str) -> None:
        where = ["--platform", self._platform, "--file", dockerfile, "--tag", reference, str(REPOSITORY)]
        commands.run(["docker", "build", "--network", "host", *where], log=LOG, nice=True)

    def tag(self, reference: str, name: str) -> None:
        commands.output(["docker", "tag", reference, name])

    def start_once(self, reference: str, argv: tuple[str, ...]) -> str:
        program, *arguments = argv
        return commands.output(
            ["docker", "run", "--rm", "--platform", self._platform, "--entrypoint", program, reference, *arguments]
        )

    def user(self, reference: str) -> str:
        return commands.output(["docker", "image", "inspect", "--format", "{{.Config.User}}", reference])

    def files(self, reference: str) -> set[str]:
        container = commands.output(["docker", "create", "--platform", self._platform, reference, "nothing"])
        try:
            with (
                subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as export,
                tarfile.open(fileobj=export.stdout, mode="r|") as archive,
            ):
                return {f"/{member.name.rstrip('/')}" for member in archive}
        finally:
            commands.output(["docker", "rm", container])

    def archive(self, references: set[str], held_blobs: set[str]) -> Iterator[bytes]:
        saver = subprocess.Popen(["docker", "save", *sorted(references)], stdout=subprocess.PIPE)
        if saver.stdout is None:
            raise commands.CommandError("docker save gave no pipe")
        while chunk := saver.stdout.read(oci.CHUNK_BYTES):
            yield chunk
        if saver.wait() != 0:
            raise commands.CommandError(f"docker save ended with {saver.returncode}")

    def prune(self, keep: set[str]) -> list[str]:
        """Left to the owner of the docker daemon."""
        return []


def choose(architecture: str) -> Builder:
    """docker when its daemon answers, else buildah."""
    return Docker(architecture) if commands.succeeds(["docker", "info"]) else Buildah(architecture)


@contextlib.contextmanager
def exclusive(name: str, run: Path = RUN) -> Iterator[None]:
    """One holder of that name at a time on this machine; says when it has to wait for another."""
    run.mkdir(parents=True, exist_ok=True)
    file = run / f"{name}.lock"
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"      another run on this machine holds {file}: waiting until it ends", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
