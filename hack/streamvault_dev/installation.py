"""`make up`, `make down`, `make status`: the steps from an empty machine to a running installation, and back."""

import os

from . import checks, commands, environments, fingerprint, golang, packages
from .cluster.choice import choose
from .cluster.interface import Cluster
from .cluster.kubectl import Kubectl
from .images import build, builders
from .images.catalogue import IMAGES, PREFIX, Plan
from .images.platforms import native_architecture
from .paths import BUILD, CACHE, KUBECONFIG, REPOSITORY, STATE, VENV
from .readiness import Installation
from .release import NAMESPACE, Release
from .steps import Stamp, Step, run_steps

ADDRESSES = """
website          http://127.0.0.1:30080
sandbox console  http://127.0.0.1:30081   (chat with the bot as "ada", the admin; or: make chat)
kubeconfig       build/kubeconfig         (export KUBECONFIG=$PWD/build/kubeconfig PATH=$PWD/build/bin:$PATH)
"""
DEMO_SOURCES = ("hack/demo",)


def up() -> None:
    """Everything on this machine. MachineUnfit, CommandError, ClusterError, CatalogueError, NotReady."""
    warm = golang.cluster_binaries().is_dir() and (STATE / "oci").is_dir()
    checks.require_fit(checks.this_machine((CACHE, STATE), warm=warm))
    with builders.exclusive("up"):
        run_steps(machine_steps())
        cluster = choose(os.environ)
        print(f"      cluster: {cluster.description}", flush=True)
        run_steps(installation_steps(cluster))
    print(ADDRESSES)


def machine_steps() -> list[Step]:
    """What can be made without a cluster."""
    return [
        Step("packages", "install Debian packages", lambda: not packages.missing(), packages.install),
        Step("python", "make the Python environment", environments.venv_is_ready, environments.make_venv),
        Step(
            "cluster programs",
            "build Kubernetes, containerd, kine, CoreDNS and helm from Go modules (10 minutes from nothing)",
            _cluster_programs_are_ready,
            _build_cluster_programs,
        ),
    ]


def installation_steps(cluster: Cluster) -> list[Step]:
    """Images, cluster, release, sample library."""
    plan = Plan(native_architecture())
    builder = builders.choose(plan.architecture)
    kubectl = Kubectl(golang.cluster_binaries() / "kubectl", cluster.kubeconfig())
    release = Release(golang.cluster_binaries() / "helm", kubectl, build.VALUES)
    seen = Installation(kubectl)
    return [
        Step(
            "images",
            "build what changed",
            lambda: not build.missing(plan, builder),
            lambda: _build_images(plan, builder),
        ),
        Step("cluster", "start", cluster.is_running, cluster.start),
        Step(
            "load",
            "load new images into the cluster",
            lambda: not build.unloaded(plan, cluster),
            lambda: _load_images(plan, builder, cluster),
        ),
        Step("volumes", "offer released storage again", lambda: not cluster.released_volumes(), cluster.sweep_volumes),
        Step(
            "release",
            "helm upgrade --install",
            lambda: build.write_values(plan) is not None and release.is_installed(),
            release.install,
        ),
        Step("pods", "wait until every pod is Ready", lambda: not seen.problems(), seen.wait_for_pods),
        Step(
            "sample library",
            "make films, upload them through the protocol, declare titles and sessions",
            lambda: _demo_stamp().matches(_demo_inputs(kubectl)) and bool(seen.titles()),
            lambda: _seed(kubectl),
        ),
        Step("titles", "wait until every title is published", lambda: not seen.unpublished(), seen.wait_for_titles),
        Step("workers", "wait until every worker pod is Ready", lambda: not seen.problems(), seen.wait_for_pods),
    ]


def down(*, wipe: bool) -> None:
    """Remove the release and stop exactly what `up` started; data stays unless `wipe`."""
    with builders.exclusive("up"):
        cluster = choose(os.environ)
        if cluster.is_running():
            kubectl = Kubectl(golang.cluster_binaries() / "kubectl", cluster.kubeconfig())
            removed = Release(golang.cluster_binaries() / "helm", kubectl, build.VALUES).uninstall()
            print("removed the release" if removed else "no release was installed")
        stopped = cluster.stop()
        print(f"stopped {', '.join(stopped)}" if stopped else "no daemon of ours was running")
        if wipe:
            cluster.wipe()
            _demo_stamp().clear()
            print("wiped the cluster's data")


def status() -> bool:
    """Print what runs; True when everything does."""
    cluster = choose(os.environ)
    running = cluster.is_running()
    print(f"cluster  {cluster.description}: {'running' if running else 'not running'}")
    for line in cluster.details():
        print(f"         {line}")
    if not running:
        return False
    environment = environments.tool_environment(KUBECONFIG)
    kinds = "deployments,statefulsets,pods,workersessions,titles"
    commands.show(["kubectl", "--namespace", NAMESPACE, "get", kinds], env=environment)
    seen = Installation(Kubectl(golang.cluster_binaries() / "kubectl", cluster.kubeconfig()))
    problems = [*seen.problems(), *seen.unpublished()]
    print(f"\nnot ready: {', '.join(problems)}" if problems else ADDRESSES)
    return not problems


def _cluster_programs_are_ready() -> bool:
    link = BUILD / "bin"
    return golang.cluster_binaries().is_dir() and link.is_symlink() and link.readlink() == golang.cluster_binaries()


def _build_cluster_programs() -> None:
    if not golang.cluster_binaries().is_dir():
        golang.build_cluster_binaries()
    golang.publish_cluster_binaries()


def _build_images(plan: Plan, builder: builders.Builder) -> None:
    build.build(plan, builder, build.missing(plan, builder))


def _load_images(plan: Plan, builder: builders.Builder, cluster: Cluster) -> None:
    build.load(builder, cluster, build.unloaded(plan, cluster))
    current = {plan.reference(spec) for spec in IMAGES}
    builder.prune(current)
    cluster.forget_images(f"{PREFIX}/", current)


def _demo_stamp() -> Stamp:
    return Stamp(BUILD / "stamps" / "sample-library")


def _demo_inputs(kubectl: Kubectl) -> str:
    """Sources, and the identity of the stores that hold what was made from them."""
    claims = kubectl.run(
        *("--namespace", NAMESPACE, "get", "persistentvolumeclaims", "--sort-by=.metadata.name"),
        *("-o", "jsonpath={.items[*].metadata.uid}"),
    )
    return fingerprint.of_paths(REPOSITORY, DEMO_SOURCES, claims)


def _seed(kubectl: Kubectl) -> None:
    program = VENV / "bin/python"
    code = commands.show([program, "-m", "demo"], env=environments.tool_environment(KUBECONFIG), cwd=REPOSITORY)
    if code != 0:
        raise commands.CommandError(f"the sample library's program ended with {code}; its output is above")
    _demo_stamp().write(_demo_inputs(kubectl))
