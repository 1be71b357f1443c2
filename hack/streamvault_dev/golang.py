"""Programs built from Go modules into a cache folder that is named by the hash of their sources."""

import os
import shutil
from pathlib import Path

from . import commands, fingerprint
from .paths import BUILD, CACHE, REPOSITORY, STEP_LOGS

KUBERNETES_VERSION = "v1.36.3"
GO_VERSION = "1.26.8"
CLUSTER_MODULE = "hack/cluster"
CLUSTER_SOURCES = (
    f"{CLUSTER_MODULE}/go.mod",
    f"{CLUSTER_MODULE}/go.sum",
    f"{CLUSTER_MODULE}/kube/main.go",
    f"{CLUSTER_MODULE}/pause/main.go",
)
CLUSTER_TOOLS = (
    "github.com/containerd/containerd/v2/cmd/containerd",
    "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
    "github.com/containerd/containerd/v2/cmd/ctr",
    "helm.sh/helm/v4/cmd/helm",
    "github.com/coredns/coredns",
    "sigs.k8s.io/kwok/cmd/kwok",
    "github.com/yannh/kubeconform/cmd/kubeconform",
)
CLIENT_TOOLS = (
    "k8s.io/kubernetes/cmd/kubectl",
    "helm.sh/helm/v4/cmd/helm",
    "github.com/yannh/kubeconform/cmd/kubeconform",
)
KUBE_COMMANDS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
FERRETDB_MODULE = "hack/images/ferretdb"
LOG = STEP_LOGS / "go-build.log"


def cluster_binaries() -> Path:
    """The folder that holds (or will hold) the cluster's programs for these very sources."""
    return CACHE / "bin" / fingerprint.of_paths(REPOSITORY, CLUSTER_SOURCES, KUBERNETES_VERSION)


def build_cluster_binaries() -> None:
    """Build every program of the cluster; about 10 minutes from nothing on 2 cores, seconds with Go's cache warm."""
    target = cluster_binaries()
    unfinished = target.with_suffix(".unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    # A dynamic CoreDNS cannot run in an image from scratch; kine's SQLite alone needs cgo.
    _build(CLUSTER_MODULE, unfinished, ("./kube", "./pause"), ldflags=_version_flags())
    _build(CLUSTER_MODULE, unfinished, CLUSTER_TOOLS)
    _build(CLUSTER_MODULE, unfinished, ("github.com/k3s-io/kine",), cgo=True)
    for name in KUBE_COMMANDS:
        link = unfinished / name
        link.unlink(missing_ok=True)
        link.symlink_to("kube")
    unfinished.rename(target)


def client_programs() -> Path:
    """The folder with kubectl and helm: the cluster's programs where they are built, else one of the clients alone."""
    if cluster_binaries().is_dir():
        return cluster_binaries()
    return CACHE / "bin" / f"clients-{fingerprint.of_paths(REPOSITORY, CLUSTER_SOURCES, KUBERNETES_VERSION)}"


def build_client_programs() -> None:
    """kubectl, helm and kubeconform: all that a cluster that exists already needs."""
    target = client_programs()
    unfinished = target.with_suffix(".unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    _build(CLUSTER_MODULE, unfinished, CLIENT_TOOLS, ldflags=_version_flags())
    unfinished.rename(target)


def are_published(programs: Path) -> bool:
    """Whether the folder is complete and build/bin names it."""
    link = BUILD / "bin"
    return programs.is_dir() and link.is_symlink() and link.readlink() == programs


def publish(programs: Path) -> None:
    """Make build/bin name the folder, for people and tests."""
    link = BUILD / "bin"
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink():
        link.unlink()
    link.symlink_to(programs)


def _version_flags() -> str:
    version = "-X k8s.io/component-base/version."
    major, minor = KUBERNETES_VERSION.lstrip("v").split(".")[:2]
    return f"-s -w {version}gitVersion={KUBERNETES_VERSION} {version}gitMajor={major} {version}gitMinor={minor}"


def ferretdb_binary(architecture: str) -> Path:
    """Where the MongoDB-protocol server for one Go architecture (amd64, arm64) is kept."""
    sources = (f"{FERRETDB_MODULE}/go.mod", f"{FERRETDB_MODULE}/go.sum")
    return CACHE / "bin" / f"ferretdb-{architecture}-{fingerprint.of_paths(REPOSITORY, sources)}" / "ferretdb"


def build_ferretdb(architecture: str) -> Path:
    """Build it static unless it is there; returns its path."""
    binary = ferretdb_binary(architecture)
    if not binary.is_file():
        unfinished = binary.parent.with_suffix(".unfinished")
        unfinished.mkdir(parents=True, exist_ok=True)
        package = "github.com/FerretDB/FerretDB/v2/cmd/ferretdb"
        # `-o` names the file: with a folder a cross build would be refused by GOBIN rules on some settings.
        _build(FERRETDB_MODULE, unfinished / "ferretdb", (package,), architecture=architecture)
        unfinished.rename(binary.parent)
    return binary


def _build(
    module: str,
    target: Path,
    packages: tuple[str, ...],
    *,
    ldflags: str = "-s -w",
    cgo: bool = False,
    architecture: str | None = None,
) -> None:
    environment = {"CGO_ENABLED": "1" if cgo else "0", "GOFLAGS": "-buildvcs=false"}
    if architecture:
        environment["GOARCH"] = architecture
    suffix = "/" if target.is_dir() else ""
    commands.run(
        [go_command(), "build", "-ldflags", ldflags, "-o", f"{target}{suffix}", *packages],
        log=LOG,
        cwd=REPOSITORY / module,
        env=environment,
        nice=True,
    )


def go_command() -> Path:
    """The machine's own Go when it can fetch the release that go.mod names, else that release as a Go module."""
    installed = _installed_go()
    if installed and _go_version(installed) >= (1, 21):  # from 1.21 on Go fetches the toolchain that go.mod names
        return Path(installed)
    if not installed:
        raise commands.CommandError("no Go compiler on this machine: apt-get install golang-go, then repeat")
    return _toolchain_from_proxy(installed)


def caches() -> tuple[Path, ...]:
    """Where Go keeps what our builds fetched and compiled, several GiB; nothing before the first of them."""
    installed = _installed_go()
    if installed is None or not (CACHE / "bin").is_dir():
        return ()
    named = commands.output([installed, "env", "GOCACHE", "GOMODCACHE"], env={"GOTOOLCHAIN": "local"})
    return tuple(Path(folder) for folder in named.splitlines())


def _installed_go() -> str | None:
    return shutil.which("go", path=f"{os.environ.get('PATH', '')}:/usr/local/go/bin")


def _go_version(go: str) -> tuple[int, int]:
    word = commands.output([go, "env", "GOVERSION"], env={"GOTOOLCHAIN": "local"}).removeprefix("go").split(" ")[0]
    major, minor = word.split(".")[:2]
    return int(major), int("".join(digit for digit in minor if digit.isdigit()))


def _toolchain_from_proxy(old_go: str) -> Path:
    """Debian 12's Go 1.19 cannot switch by itself, but can fetch the toolchain's module."""
    architecture = commands.output([old_go, "env", "GOARCH"])
    module = f"golang.org/toolchain@v0.0.1-go{GO_VERSION}.linux-{architecture}"
    folder = CACHE / "go" / GO_VERSION
    go = folder / "bin" / "go"
    if not go.is_file():
        commands.run([old_go, "mod", "download", module], log=LOG, cwd=Path("/"))
        source = Path(commands.output([old_go, "env", "GOMODCACHE"])) / module
        unfinished = folder.parent / f"{GO_VERSION}.unfinished"
        shutil.copytree(source, unfinished, dirs_exist_ok=True)
        for program in [*unfinished.glob("bin/*"), *unfinished.glob("pkg/tool/*/*")]:
            program.chmod(0o755)  # module archives carry no modes
        unfinished.rename(folder)
    return go
