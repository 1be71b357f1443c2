"""Debian base images from Debian's packages, under the names that Dockerfiles would pull them by."""

from dataclasses import dataclass
from pathlib import Path

from streamvault_dev import commands, fingerprint
from streamvault_dev.paths import CACHE, STEP_LOGS

LOG = STEP_LOGS / "bases.log"
# What the public slim images leave out too.
LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*")
# The public base has no ca-certificates; ours has, because the build mounts the machine's bundle over its file.
INCLUDED = "ca-certificates"


@dataclass(frozen=True)
class Base:
    """A Debian suite for one Debian architecture (amd64, arm64)."""

    suite: str
    architecture: str

    @property
    def image(self) -> str:
        return f"docker.io/library/debian:{self.suite}-slim"

    def mmdebstrap(self, target: Path) -> list[str]:
        """Unstable suites have package indexes that a mirror may serve for weeks past their date."""
        return [
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            f"--include={INCLUDED}",
            f"--arch={self.architecture}",
            '--aptopt=Acquire::Check-Valid-Until "false"',
            '--aptopt=Acquire::Retries "3"',
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
            "--dpkgopt=path-include=/usr/share/doc/*/copyright",
            self.suite,
            str(target),
        ]

    def recipe_hash(self) -> str:
        return fingerprint.of_text(*self.mmdebstrap(Path("base.tar")))

    def archive(self) -> Path:
        return CACHE / "bases" / f"{self.suite}-{self.architecture}-{self.recipe_hash()}.tar"

    def ensure_archive(self) -> Path:
        """The root file system as a tar; a minute from nothing (several under emulation). CommandError."""
        archive = self.archive()
        if not archive.is_file():
            unfinished = archive.with_name(f"unfinished-{archive.name}")
            unfinished.parent.mkdir(parents=True, exist_ok=True)
            unfinished.unlink(missing_ok=True)
            commands.run(self.mmdebstrap(unfinished), log=LOG, nice=True)
            unfinished.rename(archive)
        return archive
