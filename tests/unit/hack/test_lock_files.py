"""Whoever installs decides where packages come from: no tracked file names an index, every Python pin has a hash."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from streamvault_dev.paths import REPOSITORY

# In pieces, so that this file names none of them either.
PACKAGE_HOSTS = tuple(
    ".".join(labels)
    for labels in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("proxy", "golang", "org"),
        ("sum", "golang", "org"),
        ("goproxy", "io"),
        ("deb", "debian", "org"),
        ("docker", "io/v2"),
        ("registry-1", "docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("registry", "k8s", "io"),
        ("gcr", "io"),
    )
)
INDEX_OPTIONS = tuple("--" + name for name in ("index" + "-url", "extra-index" + "-url", "find" + "-links"))
PIN = re.compile(r"([A-Za-z0-9][\w.-]*(?:\[[\w,]+\])?)==\S+(.*)")


def tracked_texts() -> dict[str, str]:
    """Every tracked text file by its path."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True, text=True).stdout
    texts = {}
    for name in filter(None, names.split("\0")):
        file = REPOSITORY / name
        if file.is_file() and b"\0" not in (raw := file.read_bytes()):
            texts[name] = raw.decode(errors="replace")
    return texts


def offences(texts: dict[str, str]) -> list[str]:
    """`file:line: word` of every forbidden word."""
    words = re.compile("|".join(re.escape(word) for word in (*PACKAGE_HOSTS, *INDEX_OPTIONS)), re.IGNORECASE)
    return [
        f"{name}:{number}: {found[0]}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if (found := words.search(line))
    ]


def test_no_tracked_file_names_a_package_index() -> None:
    texts = tracked_texts()
    assert {"requirements.txt", "images/frontend/package-lock.json", "hack/cluster/go.sum", "README.md"} <= set(texts)
    assert offences(texts) == []


@pytest.mark.parametrize("word", [*PACKAGE_HOSTS, *INDEX_OPTIONS])
def test_every_forbidden_word_would_be_found(word: str) -> None:
    assert offences({"a.txt": f"fine\nRUN get https://{word}/x"}) == [f"a.txt:2: {word}"]


def pins(lock: Path) -> dict[str, str]:
    """What follows each pinned package; ValueError for a line that is no pin."""
    found = {}
    for line in lock.read_text().replace("\\\n", " ").splitlines():
        if line and not line.lstrip().startswith("#"):
            pin = PIN.fullmatch(line)
            if pin is None:
                raise ValueError(line)
            found[pin[1]] = pin[2]
    return found


@pytest.mark.parametrize("name", ["requirements.txt", "requirements/dev.txt"])
def test_every_python_pin_has_hashes(name: str) -> None:
    found = pins(REPOSITORY / name)
    assert len(found) > 20
    assert [package for package, rest in found.items() if "--hash=sha256:" not in rest] == []


def test_pin_without_a_hash_is_noticed(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("a==1 \\\n    --hash=sha256:00\nb[x]==2 ; os_name == 'nt'\n    # via a\n")
    assert ["--hash" in rest for rest in pins(lock).values()] == [True, False]
    lock.write_text("c>=1\n")
    with pytest.raises(ValueError, match="c>=1"):
        pins(lock)


def test_lock_of_the_website_has_checksums_and_no_addresses() -> None:
    lock = json.loads((REPOSITORY / "images/frontend/package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert len(packages) > 100
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    used = {name: entry for name, entry in packages.items() if "linux" in entry.get("os", ["linux"])}
    assert [name for name, entry in used.items() if "integrity" not in entry] == []
