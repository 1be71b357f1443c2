"""A film that is watched and then taken down in the running installation, and what people see of it meanwhile."""

import time
from dataclasses import dataclass, field

from installed_edge import CachedFile, InstalledEdge
from installed_trail import phase
from installed_workers import busy_pod
from own_films import MIRROR_ID, adorn, declare, entry, film, found_again, fresh, noise, take_down, upload
from sandbox_control import fault
from site_under_test import SITE_URL, Site, eventually
from viewers import InMidFilm, Insistent

from demo.telegram import StoredPart
from streamvault_common.keys import SLICE_BYTES

PLOT = "A plot of its own."
REFERENCE = "CASE-7"
CLEAN_SECONDS = 60.0
"""For how long nothing may come back."""
PLAYED_BYTES_PER_SECOND = 1024 * 1024
WITHHELD = {"method": "upload.getFile", "offset_from": 4 * 1024 * 1024, "seconds": 30}
"""The rest of the uncached slice keeps a worker waiting, so that it is surely reading when the film is withdrawn."""


@dataclass(frozen=True)
class Sight:
    """Where people meet a title: statuses of its addresses, and whether lists and pages name it."""

    page: int
    api: int
    play: int
    poster: int
    subtitles: int
    in_list: bool
    in_search: bool
    at_home: bool
    in_library: bool


PRESENT = Sight(200, 200, 200, 200, 200, in_list=True, in_search=True, at_home=True, in_library=True)
GONE = Sight(410, 410, 410, 410, 410, in_list=False, in_search=False, at_home=False, in_library=False)


@dataclass
class OwnFilm:
    """A published film of two files, with a poster, subtitles and a mirror."""

    name: str
    called: str
    small: bytes
    parts: list[StoredPart]
    mirrored: list[StoredPart]
    links: dict[str, str] = field(default_factory=dict)
    poster: str = ""
    subtitles: str = ""
    files: list[CachedFile] = field(default_factory=list)


@dataclass
class Story:
    """What was seen of the film before, during and after its takedown; times are seconds after the declaration."""

    film: OwnFilm
    before: Sight
    messages_before: set[int] = field(default_factory=set)
    off_air: dict[str, float] = field(default_factory=dict)
    cut: dict[str, float | None] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)
    answers: list[tuple[float, int]] = field(default_factory=list)
    slices: list[tuple[float, int]] = field(default_factory=list)
    asked: float = 0.0
    """When the declaration was on its way, a little before it was made."""


def track(name: str) -> bytes:
    """Subtitles that no other title has."""
    return f"WEBVTT\n\nNOTE {name}\n".encode()


def published() -> OwnFilm:
    """Upload and declare a film, and wait until it is on the air."""
    name, small = fresh("own"), noise(1_000_000)
    *videos, poster, subtitles = upload(
        noise(3 * SLICE_BYTES), noise(4 * SLICE_BYTES), small, noise(2_000), b"WEBVTT\n"
    )
    mirrored = upload(noise(1_000), noise(1_000), channel=MIRROR_ID)
    own = OwnFilm(name, f"Own {name}", small, [*videos, poster, subtitles], mirrored)
    mirror = {"name": "second", "channelID": MIRROR_ID, "messageIDs": [part.message_id for part in mirrored]}
    files = [entry(quality, part) for quality, part in zip(("720p", "1080p", "480p"), videos, strict=True)]
    adorn(name, PLOT, poster, subtitles)
    declare(name, film(displayName=own.called, files=files, mirrors=[mirror]))
    eventually(lambda: phase("ti", name) == "Published", 60, "the film is published")
    return own


def take_down_and_look_on(site: Site, edge: InstalledEdge, own: OwnFilm) -> Story:
    """Watch the film, take it down, and look on until the operator is done and a minute has passed."""
    grant = site.grant(own.name)
    own.links = {source["quality"]: source["url"] for source in grant["sources"]}
    own.files = [CachedFile.of(source) for source in grant["sources"]]
    own.subtitles = grant["tracks"][0]["url"]
    own.poster = site.http.get(f"/api/titles/{own.name}").json()["posters"][0]["url"]
    story = Story(own, sight(site, own), found_again([*own.parts, *own.mirrored]))
    site.sha256(own.links["1080p"])
    with Insistent(SITE_URL, [own.links["480p"], own.links["1080p"]]) as insistent:
        since = withdraw_while_watched(site, own, story)
        look_on(edge, own, story, since)
    story.answers = [(at - since, status) for at, status in insistent.answers]
    return story


def withdraw_while_watched(site: Site, own: OwnFilm, story: Story) -> float:
    """Take the film down while two viewers are in mid-film and a third keeps asking; returns when."""
    with (
        fault("latency", **WITHHELD),
        InMidFilm(SITE_URL, own.links["1080p"], PLAYED_BYTES_PER_SECOND) as cached,
        InMidFilm(SITE_URL, own.links["720p"], PLAYED_BYTES_PER_SECOND) as uncached,
    ):
        eventually(lambda: cached.watching and uncached.watching, 60, "everybody watches")
        assert busy_pod() is not None, "no worker is reading the uncached film"
        asked = time.monotonic()
        take_down(own.name, reference=REFERENCE)
        since = time.monotonic()
        story.asked = asked - since
        story.off_air = off_air(site, own, since)
        eventually(lambda: not (cached.watching or uncached.watching), 60, "nobody watches any more")
    for name, one in (("cached", cached), ("uncached", uncached)):
        story.cut[name] = None if one.cut_at is None else one.cut_at - since
        story.unread[name] = one.promised - one.received
    return since


def off_air(site: Site, own: OwnFilm, since: float) -> dict[str, float]:
    """After how many seconds page and API said for the first time that the film is gone."""
    asked = {"page": f"/t/{own.name}", "api": f"/api/titles/{own.name}", "link": own.links["480p"]}
    gone: dict[str, float] = {}

    def all_gone() -> bool:
        for what, path in asked.items():
            if what not in gone and site.read(path, "bytes=0-99").status_code == 410:
                gone[what] = time.monotonic() - since
        return len(gone) == len(asked)

    eventually(all_gone, 60, "page, API and links say that it is gone")
    return gone


def look_on(edge: InstalledEdge, own: OwnFilm, story: Story, since: float) -> None:
    """Count slices until the takedown is over and the edge has been clean for long enough to tell."""

    def over() -> bool:
        story.slices.append((time.monotonic() - since, sum(edge.slices(file) for file in own.files)))
        clean_since = next((at for at, count in story.slices if count == 0), None)
        long_enough = clean_since is not None and story.slices[-1][0] >= clean_since + CLEAN_SECONDS
        return long_enough and phase("ti", own.name) == "TakenDown"

    eventually(over, 180, "the film is taken down")


def sight(site: Site, own: OwnFilm) -> Sight:
    """Look for the film everywhere."""

    def listed(**query: str | int) -> bool:
        return own.name in {item["id"] for item in site.http.get("/api/titles", params=query).json()["items"]}

    def named(path: str) -> bool:
        text = site.http.get(path).text
        return own.name in text or own.called in text

    return Sight(
        page=site.http.get(f"/t/{own.name}").status_code,
        api=site.http.get(f"/api/titles/{own.name}").status_code,
        play=site.http.post(f"/api/play/{own.name}", json={}).status_code,
        poster=site.http.get(own.poster).status_code,
        subtitles=site.http.get(own.subtitles).status_code,
        in_list=listed(limit=100),
        in_search=listed(q=own.called),
        at_home=named("/"),
        in_library=named("/browse"),
    )
