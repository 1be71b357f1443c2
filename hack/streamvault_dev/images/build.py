"""Building what changed and loading what the cluster lacks."""

import json
import shutil
import time
from pathlib import Path

from streamvault_dev import golang
from streamvault_dev.cluster.interface import Cluster
from streamvault_dev.paths import BUILD

from . import checks
from .builders import Builder, exclusive
from .catalogue import IMAGES, CatalogueError, ImageSpec, Plan

VALUES = BUILD / "images.json"
EXPORTS = BUILD / "images"
BASE_ONLY = frozenset({"python-base"})  # built upon, never run by itself


def missing(plan: Plan, builder: Builder, specs: tuple[ImageSpec, ...] = IMAGES) -> list[ImageSpec]:
    """Images whose present content was not built yet. CatalogueError."""
    return [spec for spec in specs if not builder.has(plan.reference(spec))]


def build(plan: Plan, builder: Builder, specs: list[ImageSpec]) -> list[str]:
    """Build the images and what is below them, unless they exist; returns the references built."""
    built: list[str] = []
    with exclusive(builder.lock):
        for spec in specs:
            _build_one(plan, builder, spec, built)
    return built


def _build_one(plan: Plan, builder: Builder, spec: ImageSpec, built: list[str]) -> None:
    reference = plan.reference(spec)
    if builder.has(reference):
        return
    for parent in plan.parents(spec):
        _build_one(plan, builder, parent, built)
        builder.tag(plan.reference(parent), f"{parent.repository}:latest")
    for base in plan.debian_bases(spec):
        builder.ensure_base(base)
    started = time.monotonic()
    if spec.name == "ferretdb":
        prepare_ferretdb(plan.architecture)
    builder.build(spec.dockerfile, reference)
    built.append(reference)
    print(f"      built {spec.name} ({time.monotonic() - started:.0f} s)", flush=True)


def prepare_ferretdb(architecture: str) -> Path:
    """Lay the static program where its Dockerfile finds it."""
    target = BUILD / "images" / f"ferretdb-{architecture}"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(golang.build_ferretdb(architecture), target)
    return target


def unloaded(plan: Plan, cluster: Cluster, specs: tuple[ImageSpec, ...] = IMAGES) -> set[str]:
    """References that pods could not start from yet."""
    return {plan.reference(spec) for spec in specs if spec.name not in BASE_ONLY} - cluster.held_images()


def load(builder: Builder, cluster: Cluster, references: set[str]) -> None:
    """All in one import; layers that the cluster holds already are not sent again."""
    with exclusive("load"):
        cluster.load(builder.archive(references, cluster.held_blobs()), references)


def write_values(plan: Plan, specs: tuple[ImageSpec, ...] = IMAGES, file: Path = VALUES) -> Path:
    """The chart's `images` value as JSON, which helm reads too; parts that are not asked for keep the tags they had."""
    known = json.loads(file.read_text())["images"] if file.is_file() else {}
    known |= {spec.name: plan.reference(spec) for spec in specs if spec.name not in BASE_ONLY}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"images": known}, indent=1, sort_keys=True) + "\n")
    return file


def export(plan: Plan, builder: Builder, folder: Path = EXPORTS) -> tuple[Path, Path]:
    """One archive of every image for `ctr images import`, and the values file that names its tags."""
    archive = folder / f"{plan.architecture}.tar"
    archive.parent.mkdir(parents=True, exist_ok=True)
    unfinished = archive.with_suffix(".unfinished")
    references = {plan.reference(spec) for spec in IMAGES if spec.name not in BASE_ONLY}
    with exclusive("load"), unfinished.open("wb") as target:
        for chunk in builder.archive(references, set()):
            target.write(chunk)
    unfinished.rename(archive)
    return archive, write_values(plan, file=folder / f"{plan.architecture}-values.json")


def check(plan: Plan, builder: Builder, specs: list[ImageSpec]) -> None:
    """Start each image once, and look who it runs as and what is in it. CommandError, CatalogueError."""
    for spec in specs:
        reference = plan.reference(spec)
        if (user := builder.user(reference)) != checks.USER:
            raise CatalogueError(f"image {spec.name} runs as user {user or 'root'}, not as {checks.USER}")
        if tools := checks.build_tools(builder.files(reference)):
            raise CatalogueError(f"image {spec.name} carries build tools: {', '.join(tools)}")
        printed = builder.start_once(reference, spec.check).splitlines()
        print(f"      {spec.name}: {printed[0] if printed else 'started'}", flush=True)
