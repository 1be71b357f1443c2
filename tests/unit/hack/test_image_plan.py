"""A tag stands for everything an image contains; nothing else makes a rebuild."""

from pathlib import Path

import pytest

from streamvault_dev.images.catalogue import IMAGES, CatalogueError, Dockerfile, Plan, parse_dockerfile, spec_of
from streamvault_dev.paths import REPOSITORY

PYTHON_PARTS = ("operator", "manager", "worker", "edge-agent", "telegram-sandbox")


def test_dockerfile_is_read_for_bases_and_copies() -> None:
    text = """
# COPY nothing from comments
FROM debian:trixie-slim AS build
COPY --chown=1:1 package.json \\
     package-lock.json /src/
FROM build AS later
FROM scratch
COPY --from=build /src/out /out
ADD site /site
COPY --chmod=0755 images/*.conf /etc/
"""
    assert parse_dockerfile(text) == Dockerfile(
        ("debian:trixie-slim",), ("package.json", "package-lock.json", "site", "images/*.conf")
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The smallest repository that has a base, a worker and something unrelated."""
    for name, text in {
        "images/python-base/Dockerfile": "FROM debian:trixie-slim\nCOPY requirements.txt /tmp/\n",
        "images/worker/Dockerfile": "FROM localhost/streamvault/python-base\nCOPY images/worker/code /app\n",
        "images/worker/code/main.py": "print()",
        "images/worker/README.md": "unrelated",
        "requirements.txt": "a==1",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def tag(tree: Path, name: str = "worker", architecture: str = "amd64") -> str:
    return Plan(architecture, tree).tag(spec_of(name))


def test_code_changes_the_tag_of_its_image_only(tree: Path) -> None:
    worker, base = tag(tree), tag(tree, "python-base")
    (tree / "images/worker/README.md").write_text("still unrelated")
    assert tag(tree) == worker
    (tree / "images/worker/code/main.py").write_text("print(1)")
    assert tag(tree) != worker
    assert tag(tree, "python-base") == base


def test_a_changed_base_changes_what_is_built_on_it(tree: Path) -> None:
    worker = tag(tree)
    (tree / "requirements.txt").write_text("a==2")
    assert tag(tree) != worker


def test_architectures_have_tags_of_their_own(tree: Path) -> None:
    assert tag(tree, architecture="amd64") != tag(tree, architecture="arm64")


def test_missing_dockerfile_is_named(tree: Path) -> None:
    with pytest.raises(CatalogueError, match=r"operator/Dockerfile is missing"):
        tag(tree, "operator")


def test_copy_of_something_that_is_gone_is_named(tree: Path) -> None:
    (tree / "images/worker/code/main.py").unlink()
    (tree / "images/worker/code").rmdir()
    with pytest.raises(CatalogueError, match="images/worker/code"):
        tag(tree)


def test_foreign_base_images_are_refused(tree: Path) -> None:
    (tree / "images/worker/Dockerfile").write_text("FROM node:24\n")
    with pytest.raises(CatalogueError, match="FROM node:24"):
        tag(tree)


def test_every_image_of_this_tree_can_be_planned() -> None:
    plan = Plan("amd64")
    references = {plan.reference(spec) for spec in IMAGES}
    assert len(references) == len(IMAGES)
    for name in PYTHON_PARTS:
        assert [parent.name for parent in plan.parents(spec_of(name))] == ["python-base"]


@pytest.mark.parametrize("spec", IMAGES, ids=lambda spec: spec.name)
def test_images_run_as_user_1000_without_build_tools(spec: object) -> None:
    text = (REPOSITORY / spec_of(getattr(spec, "name", "")).dockerfile).read_text()
    last_stage = text[text.rindex("FROM ") :]
    users = [line.split()[1] for line in last_stage.splitlines() if line.startswith("USER ")]
    assert users[-1] == "1000"
    for tool in ("gcc", "build-essential", "python3-pip", "npm "):
        assert tool not in last_stage
