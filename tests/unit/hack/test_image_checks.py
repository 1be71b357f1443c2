"""`make images` lets no image pass that runs as root, carries build tools or does not start, and packs the rest."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamvault_dev.images import build, checks
from streamvault_dev.images.catalogue import IMAGES, CatalogueError, Plan, spec_of
from streamvault_dev.paths import REPOSITORY


@pytest.mark.parametrize(
    "path",
    [
        "/usr/bin/gcc",
        "/usr/bin/gcc-14",
        "/usr/bin/x86_64-linux-gnu-gcc-14",
        "/usr/bin/g++",
        "/usr/bin/make",
        "/usr/local/bin/npm",
        "/usr/bin/npx",
        "/opt/venv/bin/pip3.13",
        "/opt/venv/lib/python3.13/site-packages/pip",
        "/usr/lib/python3/dist-packages/setuptools",
    ],
)
def test_compilers_and_package_managers_are_build_tools(path: str) -> None:
    assert checks.build_tools(["/usr/bin/python3", path, "/app/pip/readme"]) == [path]


def test_what_only_sounds_like_one_is_none() -> None:
    innocent = {"/usr/bin/apt-get", "/usr/share/doc/gcc", "/usr/lib/gcc", "/app/node_modules/make", "/usr/bin/pipesz"}
    assert checks.build_tools(innocent) == []


class Images:
    """A builder over described images."""

    def __init__(self, user: str = "1000", files: frozenset[str] = frozenset({"/usr/bin/redis-server"})) -> None:
        self._user, self._files = user, files

    def user(self, _: str) -> str:
        return self._user

    def files(self, _: str) -> set[str]:
        return set(self._files)

    def start_once(self, _: str, argv: tuple[str, ...]) -> str:
        return f"started {argv[0]}\nmore"

    def archive(self, references: set[str], held_blobs: set[str]) -> Iterator[bytes]:
        assert not held_blobs, "an archive for another machine is whole"
        yield from (reference.encode() + b"\n" for reference in sorted(references))


REDIS = spec_of("redis")


def check(images: Images) -> None:
    build.check(Plan("arm64"), images, [REDIS])  # type: ignore[arg-type]


def test_good_image_is_started(capsys: pytest.CaptureFixture[str]) -> None:
    check(Images())
    assert capsys.readouterr().out == "      redis: started redis-server\n"


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (Images(user=""), "redis runs as user root"),
        (Images(user="0"), "redis runs as user 0"),
        (Images(files=frozenset({"/usr/bin/gcc-14"})), "redis carries build tools: /usr/bin/gcc-14"),
    ],
)
def test_bad_image_is_named(images: Images, said: str) -> None:
    with pytest.raises(CatalogueError, match=said):
        check(images)


def test_archive_and_values_for_a_board_name_the_same_tags(tmp_path: Path) -> None:
    archive, values = build.export(Plan("arm64"), Images(), tmp_path)  # type: ignore[arg-type]
    assert (archive.name, values.name) == ("arm64.tar", "arm64-values.json")
    tags = json.loads(values.read_text())["images"]
    assert sorted(tags.values()) == archive.read_text().splitlines()
    assert set(tags) == {spec.name for spec in IMAGES} - {"python-base"}
    assert {path.name for path in tmp_path.iterdir()} == {archive.name, values.name}


def test_values_of_an_older_archive_are_replaced(tmp_path: Path) -> None:
    old = tmp_path / "arm64-values.json"
    old.write_text('{"images": {"worker": "localhost/streamvault/worker:old"}}')
    _, values = build.export(Plan("arm64"), Images(), tmp_path)  # type: ignore[arg-type]
    assert "old" not in values.read_text()


@pytest.mark.parametrize("spec", IMAGES, ids=lambda spec: spec.name)
def test_our_files_are_the_last_layers(spec: object) -> None:
    """A changed line of code must not run the installation of packages again."""
    text = (REPOSITORY / spec_of(getattr(spec, "name", "")).dockerfile).read_text()
    last_stage = text[text.rindex("FROM ") :].replace("\\\n", " ").splitlines()
    ours = [number for number, line in enumerate(last_stage) if line.startswith("COPY") and " --from=" not in line]
    costly = [number for number, line in enumerate(last_stage) if "apt-get" in line or "groupadd" in line]
    assert max(costly, default=-1) < min(ours, default=len(last_stage))


def test_check_of_the_edge_runs_our_own_start_program() -> None:
    script = checks.EDGE_CHECK[-1]
    assert "/usr/local/bin/start-edge -t" in script
    start = (REPOSITORY / "images/edge/nginx/start-edge").read_text()
    assert 'exec nginx -e stderr -c "$run_dir/nginx.conf" "$@"' in start


@pytest.mark.parametrize(("answer", "code"), [("200", 0), ("500", 1)])
def test_check_of_the_website_wants_an_answer(tmp_path: Path, answer: str, code: int) -> None:
    """With a server that answers, or does not: the script is what runs in the image."""
    server = f"""
import {{ createServer }} from "node:http";
createServer((_, response) => response.writeHead({answer}).end()).listen(process.env.PORT, "127.0.0.1");
"""
    (tmp_path / "start.mjs").write_text(server)
    patience = {"500": "2_000"}.get(answer, "300_000")
    script = checks.FRONTEND_SCRIPT.replace("300_000", patience)
    done = subprocess.run(["node", "-e", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert done.stdout.splitlines()[0].startswith("/healthz")


def test_check_of_the_website_names_a_server_that_ends(tmp_path: Path) -> None:
    (tmp_path / "start.mjs").write_text("process.exit(3);")
    done = subprocess.run(
        ["node", "-e", checks.FRONTEND_SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "the server ended with 3\n")
