"""The helm release. Its description carries the hash of all that went into it, so the cluster remembers."""

import json
from dataclasses import dataclass
from pathlib import Path

from . import commands, fingerprint
from .cluster.kubectl import Kubectl
from .paths import REPOSITORY, STATE, STEP_LOGS

NAME = NAMESPACE = "streamvault"
CHART = "charts/streamvault"
SANDBOX_VALUES = "manifests/sandbox/values.yaml"
LOG = STEP_LOGS / "helm.log"
RSA_FOLDER = STATE / "sandbox-rsa"
POD_SECURITY = "pod-security.kubernetes.io"
TIMEOUT = "5m"


@dataclass(frozen=True)
class Release:
    """Chart, sandbox values and image tags, as one thing to install."""

    helm: Path
    kubectl: Kubectl
    image_values: Path
    settings: tuple[str, ...] = ()
    """`name=value` for what only the cluster's place decides."""

    def inputs_hash(self) -> str:
        sources = fingerprint.of_paths(REPOSITORY, [CHART, SANDBOX_VALUES])
        keys = fingerprint.of_paths(RSA_FOLDER, ["private.pem", "public.pem"])
        return fingerprint.of_text(sources, keys, self.image_values.read_text(), *self.settings)

    def is_installed(self) -> bool:
        """Deployed, and by the last upgrade of exactly these inputs."""
        return RSA_FOLDER.is_dir() and self._status() == ("deployed", self.inputs_hash())

    def install(self) -> None:
        """Upgrade or install; a run that was killed while helm worked does not lock the release for ever."""
        ensure_rsa_key()
        self._prepare_namespace()
        self._forget_pending()
        files = ["--values", SANDBOX_VALUES, "--values", str(self.image_values)]
        keys = [f"sandbox.rsaPrivateKey={RSA_FOLDER}/private.pem", f"telegram.rsaPublicKey={RSA_FOLDER}/public.pem"]
        own = [word for setting in self.settings for word in ("--set-string", setting)]
        key_flags = [word for key in keys for word in ("--set-file", key)]
        # Resources that a test or a person applied by hand before become the release's.
        flags = ["--take-ownership", "--description", self.inputs_hash(), "--timeout", TIMEOUT]
        action = [*self._helm("upgrade"), "--install", NAME, CHART, *files, *own, *key_flags, *flags]
        commands.run(action, log=LOG, cwd=REPOSITORY)

    def uninstall(self) -> bool:
        """False when there was none."""
        if self._status() is None:
            return False
        self._forget_pending()
        commands.run([*self._helm("uninstall"), NAME, "--ignore-not-found", "--timeout", TIMEOUT], log=LOG)
        return True

    def _helm(self, verb: str) -> list[str | Path]:
        return [self.helm, verb, "--kubeconfig", self.kubectl.kubeconfig, "--namespace", NAMESPACE]

    def _status(self) -> tuple[str, str] | None:
        try:
            info = json.loads(commands.output([*self._helm("status"), NAME, "--output", "json"]))["info"]
        except commands.CommandError:
            return None
        return info["status"], info.get("description", "")

    def _prepare_namespace(self) -> None:
        levels = {f"{POD_SECURITY}/{mode}": "restricted" for mode in ("enforce", "warn")}
        self.kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": levels}})

    def _forget_pending(self) -> None:
        """helm refuses to touch a release whose record says that somebody else is at it."""
        selector = f"owner=helm,name={NAME},status in (pending-install,pending-upgrade,pending-rollback)"
        self.kubectl.run("--namespace", NAMESPACE, "delete", "secret", "-l", selector, "--ignore-not-found")


def ensure_rsa_key() -> None:
    """The local Telegram's key pair, made once per machine."""
    public = RSA_FOLDER / "public.pem"
    if not public.is_file():
        RSA_FOLDER.mkdir(parents=True, exist_ok=True)
        RSA_FOLDER.chmod(0o700)
        private = RSA_FOLDER / "private.pem"
        commands.output(["openssl", "genrsa", "-traditional", "-out", private, "2048"])
        commands.output(["openssl", "rsa", "-in", private, "-RSAPublicKey_out", "-out", f"{public}.new"])
        Path(f"{public}.new").rename(public)
