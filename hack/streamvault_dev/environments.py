"""The Python environment of tests, linters and the sample library, and a Node.js for the website's tests."""

import os
import shutil
import sys
from pathlib import Path

from . import commands, fingerprint
from .cluster.published import PublishedKubeconfig
from .images.platforms import native_architecture
from .paths import BUILD, CACHE, REPOSITORY, STEP_LOGS, VENV

LOG = STEP_LOGS / "environments.log"
REQUIREMENTS = "requirements/dev.txt"
OLDEST_NODE = (20, 9)
NODE_VERSION = "24.21.0"
NPM_VERSION = "11.19.1"
NODE_ARCHITECTURES = {"amd64": "x64", "arm64": "arm64"}
FETCHED = CACHE / "node" / f"{NODE_VERSION}-{NPM_VERSION}"
FETCHED_PROGRAMS = FETCHED / "node_modules/.bin"
FRONTEND = REPOSITORY / "images/frontend"
FRONTEND_STAMP = FRONTEND / "node_modules" / ".installed-for"


def venv_folder() -> Path:
    """Named by the hash of what is in it, so that branches and clones share or keep apart as they must."""
    return CACHE / "venv" / fingerprint.of_paths(REPOSITORY, [REQUIREMENTS], sys.version.split(" ")[0])


def venv_is_ready() -> bool:
    folder = venv_folder()
    return (folder / "complete").is_file() and VENV.is_symlink() and VENV.readlink() == folder


def make_venv() -> None:
    """Install the locked requirements and let build/venv name the result. CommandError."""
    folder = venv_folder()
    if not (folder / "complete").is_file():
        shutil.rmtree(folder, ignore_errors=True)  # environments know their own path, so they are made in place
        commands.run([sys.executable, "-m", "venv", folder], log=LOG)
        python = folder / "bin/python"
        install = ["install", "--quiet", "--no-cache-dir", "--require-hashes", "--requirement", REQUIREMENTS]
        commands.run([python, "-m", "pip", *install], log=LOG, cwd=REPOSITORY)
        (folder / "complete").touch()
    VENV.parent.mkdir(parents=True, exist_ok=True)
    if VENV.is_dir() and not VENV.is_symlink():
        shutil.rmtree(VENV)
    fresh = VENV.with_name("venv.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder)
    fresh.replace(VENV)


def frontend_is_ready() -> bool:
    return FRONTEND_STAMP.is_file() and FRONTEND_STAMP.read_text() == _frontend_hash() and _node_is_there()


def install_frontend() -> None:
    """Node.js when Debian's is too old, and the website's locked packages. CommandError."""
    ensure_node()
    commands.run(["npm", "ci", "--no-audit", "--no-fund"], log=LOG, cwd=FRONTEND, env=node_environment())
    FRONTEND_STAMP.write_text(_frontend_hash())


def ensure_node() -> None:
    """Node.js with an npm of its own when the machine's is too old: Debian's npm runs under Debian's alone."""
    if not _node_is_there():
        node = f"node-linux-{NODE_ARCHITECTURES[native_architecture()]}@{NODE_VERSION}"
        install: commands.Argv = ["install", "--prefix", FETCHED, "--no-save", "--no-audit", "--no-fund"]
        commands.run(["npm", *install, node, f"npm@{NPM_VERSION}"], log=LOG)


def node_environment() -> dict[str, str]:
    """PATH with a Node.js that the website can use; nothing when the machine's own is one."""
    return {} if _machine_has_node() else {"PATH": f"{FETCHED_PROGRAMS}:{os.environ['PATH']}"}


def tool_environment(kubeconfig: Path) -> dict[str, str]:
    """For programs that talk to the cluster: kubectl, helm and node in PATH, its kubeconfig, our Python packages."""
    packages = ("hack", "operator", *(f"images/{part}" for part in ("common", "manager", "worker", "edge")))
    folders = [str(REPOSITORY / folder) for folder in (*packages, "images/telegram-sandbox")]
    host = PublishedKubeconfig(kubeconfig).host()
    path = node_environment().get("PATH", os.environ["PATH"])
    places = {"SITE_URL": f"http://{host}:30080", "SANDBOX_URL": f"http://{host}:30081", "SANDBOX_HOST": host}
    return {
        **{name: os.environ.get(name, value) for name, value in places.items()},
        "KUBECONFIG": str(kubeconfig),
        "PATH": f"{VENV}/bin:{BUILD}/bin:{path}",
        "PYTHONPATH": ":".join(folders),
    }


def _node_is_there() -> bool:
    return _machine_has_node() or all((FETCHED_PROGRAMS / program).is_file() for program in ("node", "npm"))


def _machine_has_node() -> bool:
    node = shutil.which("node")
    return node is not None and _version(node) >= OLDEST_NODE


def _version(node: str) -> tuple[int, int]:
    major, minor = commands.output([node, "--version"]).lstrip("v").split(".")[:2]
    return int(major), int(minor)


def _frontend_hash() -> str:
    return fingerprint.of_paths(FRONTEND, ["package.json", "package-lock.json"])
