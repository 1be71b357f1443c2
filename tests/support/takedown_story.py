"""A film that is watched and then taken down in the running installation, and what people see of it meanwhile."""

import time
from dataclasses import dataclass, field

from installed_edge import CachedFile, InstalledEdge
from installed_trail import phase
from installed_workers import busy_pod
from own_films import MIRROR_ID, adorn, declare, entry, film, found_again, fresh, let_go, noise, take_down, upload
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


@dataclass(frozen=True)
class Withdrawal:
    """How soon people noticed that a film was taken down, in seconds after the declaration."""

    since: float
    """When the declaration was made (`time.monotonic`)."""
    asked: float
    """When it was on its way, a little before."""
    off_air: dict[str, float]
    cut: dict[str, float | None]
    unread: dict[str, int]


@dataclass
class Story:
    """What was seen of the film before, during and after its takedown; times are seconds after the declaration."""

    film: OwnFilm
    before: Sight
    messages_before: set[int]
    withdrawal: Withdrawal
    answers: dict[str, list[tuple[float, int]]]
    """Of the links that were given out: (time of the answer, status), in order."""
    slices: list[tuple[float, int]]


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
    eventually(lambda: phase("ti", name) == "Published", 180, "the film is published")
    return own


def take_down_and_look_on(site: Site, edge: InstalledEdge, own: OwnFilm) -> Story:
    """Watch the film, take it down, and look on until the operator is done and a minute has passed."""
    begin_to_watch(site, own)
    own.poster = site.http.get(f"/api/titles/{own.name}").json()["posters"][0]["url"]
    before, messages = sight(site, own), found_again([*own.parts, *own.mirrored])
    with Insistent(SITE_URL, [own.links["480p"], own.links["1080p"]]) as insistent:
        eventually(lambda: all(insistent.answers.values()), 180, "who keeps asking is answered")
        withdrawal = withdraw_while_watched(site, own)
        slices = look_on(edge, own, withdrawal.since)
    answers = {
        link: [(at - withdrawal.since, status) for at, status in told] for link, told in insistent.answers.items()
    }
    return Story(own, before, messages, withdrawal, answers, slices)


def withdraw_another(site: Site) -> Withdrawal:
    """The same with another film, of which nothing else is looked at."""
    own = published()
    try:
        begin_to_watch(site, own)
        return withdraw_while_watched(site, own)
    finally:
        let_go(own.name, "--wait=false")


def begin_to_watch(site: Site, own: OwnFilm) -> None:
    """Ask for links as the player does; one of the files is read to its end."""
    grant = site.grant(own.name)
    own.links = {source["quality"]: source["url"] for source in grant["sources"]}
    own.files = [CachedFile.of(source) for source in grant["sources"]]
    own.subtitles = grant["tracks"][0]["url"]
    site.sha256(own.links["1080p"])


def withdraw_while_watched(site: Site, own: OwnFilm) -> Withdrawal:
    """Take the film down while two viewers are in mid-film."""
    with (
        fault("latency", **WITHHELD),
        InMidFilm(SITE_URL, own.links["1080p"], PLAYED_BYTES_PER_SECOND) as cached,
        InMidFilm(SITE_URL, own.links["720p"], PLAYED_BYTES_PER_SECOND) as uncached,
    ):
        eventually(lambda: cached.watching and uncached.watching, 180, "everybody watches")
        eventually(busy_pod, 180, "a worker is reading the uncached film")
        asked = time.monotonic()
        take_down(own.name, reference=REFERENCE)
        since = time.monotonic()
        gone = off_air(site, own, since)
        eventually(lambda: not (cached.watching or uncached.watching), 180, "nobody watches any more")
    viewers = {"cached": cached, "uncached": uncached}
    cut = {name: None if one.cut_at is None else one.cut_at - since for name, one in viewers.items()}
    unread = {name: one.promised - one.received for name, one in viewers.items()}
    return Withdrawal(since, asked - since, gone, cut, unread)


def off_air(site: Site, own: OwnFilm, since: float) -> dict[str, float]:
    """After how many seconds page and API said for the first time that the film is gone."""
    asked = {"page": f"/t/{own.name}", "api": f"/api/titles/{own.name}", "link": own.links["480p"]}
    gone: dict[str, float] = {}

    def all_gone() -> bool:
        for what, path in asked.items():
            if what not in gone and site.read(path, "bytes=0-99").status_code == 410:
                gone[what] = time.monotonic() - since
        return len(gone) == len(asked)

    eventually(all_gone, 180, "page, API and links say that it is gone")
    return gone


def look_on(edge: InstalledEdge, own: OwnFilm, since: float) -> list[tuple[float, int]]:
    """Count slices until the takedown is over and the edge has been clean for long enough to tell."""
    slices: list[tuple[float, int]] = []

    def over() -> bool:
        slices.append((time.monotonic() - since, sum(edge.slices(file) for file in own.files)))
        clean_since = next((at for at, count in slices if count == 0), None)
        long_enough = clean_since is not None and slices[-1][0] >= clean_since + CLEAN_SECONDS
        return long_enough and phase("ti", own.name) == "TakenDown"

    eventually(over, 400, "the film is taken down")
    return slices


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
