"""`make up`, `make down`, `make status`: the steps from an empty machine to a running installation, and back."""

import os
from collections.abc import Callable
from pathlib import Path

from demo.catalogue import TITLES
from demo.world import WORKERS
from streamvault_common.keys import LABEL_COMPONENT, LABEL_INSTANCE

from . import checks, commands, environments, fingerprint, golang, packages
from .cluster import choice
from .cluster.choice import choose
from .cluster.interface import Cluster
from .cluster.kubectl import Kubectl
from .cluster.published import LOOPBACK, PublishedKubeconfig
from .images import build, builders
from .images.catalogue import IMAGES, PREFIX, Plan
from .images.platforms import native_architecture
from .paths import BUILD, CACHE, KUBECONFIG, REPOSITORY, STATE, VENV
from .readiness import Expected, Installation
from .release import NAME, NAMESPACE, Release
from .steps import Stamp, Step, run_steps

DEMO_SOURCES = ("hack/demo",)
EXPECTED = Expected(tuple(title.id for title in TITLES), tuple(WORKERS), build.VALUES)
# The stores that hold what the sample library's program made.
DEMO_STORES = f"{LABEL_INSTANCE}={NAME},{LABEL_COMPONENT} in (mongodb,telegram-sandbox)"


def up(*, every_program: bool = False) -> None:
    """Everything on this machine. MachineUnfit, CommandError, ClusterError, CatalogueError, NotReady.

    `every_program`: build all of the cluster's programs even when another cluster is used.
    """
    warm = golang.client_programs().is_dir() and (STATE / "oci").is_dir()
    checks.require_fit(checks.this_machine((CACHE, STATE), (CACHE, STATE, *golang.caches()), warm=warm))
    CACHE.mkdir(parents=True, exist_ok=True)  # from here on this machine counts as begun
    way, _ = choice.chosen(os.environ)
    if way != choice.BUILT:
        choose(os.environ)  # refuses a KUBECONFIG that is no file before anything is built
    with builders.exclusive("up"):
        run_steps(machine_steps(every_program=every_program or way == choice.BUILT))
        cluster = choose(os.environ)
        print(f"      cluster: {cluster.description}", flush=True)
        run_steps(installation_steps(cluster))
        others = _installation(cluster.kubeconfig()).others()
    if others:
        print(f"      not waited for: {', '.join(others)}")
    print(addresses())


def addresses() -> str:
    """Where the installation answers."""
    host = PublishedKubeconfig().host()
    return f"""
website          http://{host}:30080
sandbox console  http://{host}:30081   (chat with the bot as "ada", the admin; or: make chat)
kubeconfig       build/kubeconfig         (export KUBECONFIG=$PWD/build/kubeconfig PATH=$PWD/build/bin:$PATH)
"""


def machine_steps(*, every_program: bool = True) -> list[Step]:
    """What can be made without a cluster; only kubectl, helm and kubeconform unless `every_program`."""
    return [
        Step("packages", "install Debian packages", lambda: not packages.missing(), packages.install),
        Step("python", "make the Python environment", environments.venv_is_ready, environments.make_venv),
        _cluster_programs() if every_program else _client_programs(),
    ]


def installation_steps(cluster: Cluster) -> list[Step]:
    """Images, cluster, release, sample library."""
    plan = Plan(native_architecture())
    builder = builders.choose(plan.architecture)
    kubectl = _kubectl(cluster.kubeconfig())
    seen = _installation(cluster.kubeconfig())
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
            lambda: build.write_values(plan) is not None and _release(kubectl).is_installed(),
            lambda: _release(kubectl).install(),
        ),
        Step("pods", "wait until every pod of the chart is Ready", lambda: not seen.problems(), seen.wait_for_pods),
        Step(
            "sample library",
            "make films, upload them through the protocol, declare titles and sessions",
            lambda: _demo_stamp().matches(_demo_inputs(kubectl)) and not seen.lacks_samples(),
            lambda: _seed(kubectl),
        ),
        Step("titles", "wait until its titles are published", lambda: not seen.unpublished(), seen.wait_for_titles),
        Step("workers", "wait until its sessions serve", lambda: not seen.unready_workers(), seen.wait_for_workers),
    ]


def down(*, wipe: bool) -> None:
    """Remove the release and stop exactly what `up` started; data stays unless `wipe`.

    CommandError at the end when the release could not be removed: what was started is stopped nevertheless.
    """
    checks.require_root("make down")
    with builders.exclusive("up"):
        cluster = choose(os.environ)
        failed = _remove_release(cluster)
        stopped = cluster.stop()
        print(f"stopped {', '.join(stopped)}" if stopped else "no daemon of ours was running")
        if wipe:
            cluster.wipe()
            _demo_stamp().clear()
            print("wiped the cluster's data")
    if failed:
        raise failed


def _remove_release(cluster: Cluster) -> commands.CommandError | None:
    """Whenever the API answers, whatever else of the cluster is down; returns why it was not possible."""
    kubeconfig = cluster.answering_kubeconfig()
    if kubeconfig is None:
        print(f"no release to remove: {cluster.description} does not answer")
        if (origin := PublishedKubeconfig().origin()) and origin.way != choice.chosen(os.environ)[0]:
            print(f"build/kubeconfig is that of {origin.source}: KUBECONFIG={origin.source} make down")
        return None
    try:
        removed = _release(_kubectl(kubeconfig)).uninstall()
    except commands.CommandError as error:
        return error
    print("removed the release" if removed else "no release was installed")
    return None


def status() -> bool:
    """Print what runs; True when all does that `up` starts."""
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
    seen = _installation(cluster.kubeconfig())
    try:
        problems = [*seen.problems(), *seen.unpublished(), *seen.unready_workers()]
        others = [other for other in seen.others() if other not in problems]
    except commands.CommandError:
        problems, others = ["the release: make up"], []
    print(f"\nnot ready: {', '.join(problems)}" if problems else addresses())
    if others:
        print(f"besides: {', '.join(others)}")
    return not problems


def _cluster_programs() -> Step:
    return Step(
        "cluster programs",
        "build Kubernetes, containerd, kine, CoreDNS and helm from Go modules (10 minutes from nothing)",
        lambda: golang.are_published(golang.cluster_binaries()),
        lambda: _publish(golang.cluster_binaries, golang.build_cluster_binaries),
    )


def _client_programs() -> Step:
    return Step(
        "client programs",
        "build kubectl, helm and kubeconform from Go modules",
        lambda: golang.are_published(golang.client_programs()),
        lambda: _publish(golang.client_programs, golang.build_client_programs),
    )


def _publish(folder: Callable[[], Path], build_them: Callable[[], None]) -> None:
    if not folder().is_dir():
        build_them()
    golang.publish(folder())


def _kubectl(kubeconfig: Path) -> Kubectl:
    return Kubectl(golang.client_programs() / "kubectl", kubeconfig)


def _installation(kubeconfig: Path) -> Installation:
    return Installation(_kubectl(kubeconfig), EXPECTED)


def _release(kubectl: Kubectl) -> Release:
    host = PublishedKubeconfig().host()
    settings = () if host == LOOPBACK else (f"publicUrl=http://{host}:30080",)
    return Release(golang.client_programs() / "helm", kubectl, build.VALUES, settings)


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
        *("--namespace", NAMESPACE, "get", "persistentvolumeclaims", "-l", DEMO_STORES, "--sort-by=.metadata.name"),
        *("-o", "jsonpath={.items[*].metadata.uid}"),
    )
    return fingerprint.of_paths(REPOSITORY, DEMO_SOURCES, claims)


def _seed(kubectl: Kubectl) -> None:
    program = VENV / "bin/python"
    code = commands.show([program, "-m", "demo"], env=environments.tool_environment(KUBECONFIG), cwd=REPOSITORY)
    if code != 0:
        raise commands.CommandError(f"the sample library's program ended with {code}; its output is above")
    _demo_stamp().write(_demo_inputs(kubectl))
