"""Five titles of the running installation that end in other ways than by a plain takedown, and how they began to."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from installed_edge import CachedFile
from installed_trail import condition, phase
from own_films import borrowed, declare, entry, film, fresh, let_go, noise, take_down, upload
from site_under_test import Site, eventually

from demo.cluster import NAMESPACE, kubectl
from demo.telegram import StoredPart

CALLED, CALLED_WHILE_PAUSED = "Own Film", "Another Name"


@dataclass
class Own:
    """A published title, the messages of its files, its links by quality, and what the edge holds of them."""

    name: str
    parts: dict[str, StoredPart]
    links: dict[str, str]
    cached: dict[str, CachedFile]


@dataclass
class Titles:
    """The five titles after their purges were asked for, and what was seen on the way."""

    forgotten: Own
    paused: Own
    deleted: Own
    shortened: Own
    borrowed: Own
    refusal: str
    paused_reason: str
    name_while_paused: str


@contextmanager
def ending_titles() -> Iterator[Titles]:
    """Publish them and ask for all five purges at once; let them go afterwards."""
    viewer = Site()
    names = [fresh(word) for word in ("forgotten", "paused", "deleted", "shortened")]
    lent = fresh("lent")
    try:
        declare(lent, borrowed())
        forgotten, paused, deleted, shortened = published(viewer, names)
        until_published(lent)
        other = watched(viewer, lent, {})
        take_down(forgotten.name, tombstoneDays=0)
        reason, shown = pause(viewer, paused)
        take_down(paused.name)
        refusal = refused_deletion(deleted.name)
        let_go(deleted.name, "--wait=false")
        let_go(other.name, "--wait=false")
        edit(shortened, "720p")
        yield Titles(forgotten, paused, deleted, shortened, other, refusal, reason, shown)
    finally:
        viewer.http.close()
        for name in [*names, lent]:
            let_go(name, "--wait=false")


def published(site: Site, names: list[str]) -> list[Own]:
    """Films of these names with two files each, each of which was read once."""
    parts = upload(*(noise(400_000) for _ in range(2 * len(names))))
    stored = [dict(zip(("720p", "480p"), parts[at : at + 2], strict=True)) for at in range(0, len(parts), 2)]
    for name, files in zip(names, stored, strict=True):
        declare(name, film(displayName=CALLED, files=[entry(*item) for item in files.items()]))
    for name in names:
        until_published(name)
    return [watched(site, name, files) for name, files in zip(names, stored, strict=True)]


def until_published(name: str) -> None:
    """Wait until a title is on the air."""
    eventually(lambda: phase("ti", name) == "Published", 180, f"{name} is published")


def watched(site: Site, name: str, parts: dict[str, StoredPart]) -> Own:
    """Read every file until it comes from the edge."""
    sources = {source["quality"]: source for source in site.grant(name)["sources"]}

    def held() -> bool:
        answers = [site.read(source["url"], "bytes=0-99") for source in sources.values()]
        return {(answer.status_code, answer.headers.get("x-cache")) for answer in answers} == {(206, "HIT")}

    eventually(held, 180, "the edge holds every file")
    cached = {quality: CachedFile.of(source) for quality, source in sources.items()}
    return Own(name, parts, {quality: source["url"] for quality, source in sources.items()}, cached)


def edit(own: Own, *qualities: str) -> None:
    """Declare a title with only these of its files."""
    declare(own.name, film(displayName=CALLED, files=[entry(quality, own.parts[quality]) for quality in qualities]))


def pause(site: Site, own: Own) -> tuple[str, str]:
    """Suspend a title, then give it another name; returns the reason of Ready and the name that people see."""
    change = {"spec": {"suspend": True, "displayName": CALLED_WHILE_PAUSED}}
    kubectl("patch", "title", own.name, "--type=merge", "--patch", json.dumps(change))
    eventually(lambda: condition("ti", own.name, "Ready").get("reason") == "Suspended", 180, "it is shown as suspended")
    shown: str = site.http.get(f"/api/titles/{own.name}").json()["displayName"]
    return condition("ti", own.name, "Ready")["reason"], shown


def refused_deletion(name: str) -> str:
    """What is said to somebody who deletes a title just so."""
    command = ["kubectl", "--namespace", NAMESPACE, "delete", "title", name]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr
