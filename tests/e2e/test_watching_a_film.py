"""A person opens the website, plays a film whose bytes come out of Telegram, jumps about, and loses a worker."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from browser_network import BrowserNetwork
from browser_watch import CHROMIUM, CHROMIUM_FLAGS, WAIT_MS
from film_clock import shown_second
from film_page import FilmPage, PlayedFrom, until_alive
from installed_edge import CachedFile, installed_edge
from installed_workers import busy_pod, is_ready, session_of, worker_pods
from playwright.sync_api import Browser, Page, Response, sync_playwright
from sandbox_control import fault, getfile_calls
from site_under_test import SITE_URL, Site, eventually

from demo.cluster import kubectl
from demo.world import WORKERS

pytestmark = [pytest.mark.cluster, pytest.mark.browser]
FLAGS = (*CHROMIUM_FLAGS, "--autoplay-policy=no-user-gesture-required")
SLOW_SECONDS = 3
"""How late every piece of a film comes: slow enough to meet a worker while it reads, faster than the film plays."""
UNREADABLE_FROM_BYTES = 16 * 1024 * 1024
"""About a third of the film that the test's screen is given, and the beginning of a slice."""


@pytest.fixture(scope="module")
def network() -> Iterator[BrowserNetwork]:
    with BrowserNetwork() as network:
        yield network


@pytest.fixture(scope="module")
def browser(network: BrowserNetwork) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=network.program(CHROMIUM), args=list(FLAGS), timeout=WAIT_MS
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, network: BrowserNetwork) -> Iterator[Page]:
    page = browser.new_page(base_url=network.reach(SITE_URL), viewport={"width": 1280, "height": 800})
    page.set_default_timeout(WAIT_MS)
    yield page
    page.close()


def start(page: Page, title: str) -> None:
    """Open a title's page from the library and press play."""
    page.goto("/")
    page.locator(f'a[href="/t/{title}"]').first.click()
    page.wait_for_url(f"**/t/{title}*")
    FilmPage(page).press_play()
    page.wait_for_function("() => document.querySelector('video') && document.querySelector('video').currentTime > 0.5")


def wait_for_quality(page: Page, height: int) -> None:
    """Wait until a film of this height plays on from where the former one was, and the player has taken note of it."""
    page.wait_for_function(
        """(height) => { const video = document.querySelector("video");
        const phase = document.querySelector('[data-testid="player"]').dataset.phase;
        return phase === "playing" && video.videoHeight === height && video.currentTime > 0.5 && !video.seeking }""",
        arg=height,
        timeout=60_000,
    )


def seek(page: Page, second: float) -> PlayedFrom:
    """Jump to a second and wait until the player has arrived."""
    there = PlayedFrom(second)
    page.evaluate("(second) => { document.querySelector('video').currentTime = second }", second)
    page.wait_for_function("() => !document.querySelector('video').seeking")
    return there


def test_the_picture_shows_the_second_that_the_viewer_jumped_to(page: Page) -> None:
    beginning = PlayedFrom(0)
    start(page, "aurora-drift")
    assert beginning.reaches(shown_second(page))
    for second in (40, 12, 25):
        there = seek(page, second)
        assert there.reaches(shown_second(page))


def test_a_film_of_several_stored_parts_plays_in_its_best_quality(page: Page) -> None:
    start(page, "aurora-drift")
    FilmPage(page).choose("quality", "2160p")
    wait_for_quality(page, 2160)
    there = seek(page, 60)
    assert there.reaches(shown_second(page))


def test_another_quality_goes_on_where_the_viewer_was(page: Page) -> None:
    start(page, "glass-harbour")
    there = seek(page, 10)
    FilmPage(page).choose("quality", "720p")
    wait_for_quality(page, 720)
    assert there.reaches(shown_second(page))


def test_subtitles_can_be_chosen_and_say_the_time(page: Page) -> None:
    start(page, "glass-harbour")
    film = FilmPage(page)
    film.choose("captions", "de")
    film.pause()
    seek(page, 27)
    page.get_by_text("25 Sekunden sind vergangen.").first.wait_for()


def test_an_episode_of_a_season_plays(page: Page) -> None:
    page.goto("/t/night-signals-s1")
    until_alive(page.get_by_test_id("episode-3"))
    page.get_by_test_id("episode-3").click()
    page.wait_for_function("() => document.querySelector('video') && document.querySelector('video').currentTime > 0.5")
    there = seek(page, 10)
    assert there.reaches(shown_second(page))


def test_the_film_plays_on_when_its_worker_is_deleted(page: Page, site: Site) -> None:
    """The worker is lost in the middle of a slice that no other viewer has brought to the cache."""
    with installed_edge() as edge:
        for source in site.grant("aurora-drift")["sources"]:
            edge.purge(CachedFile.of(source))
    with fault("latency", method="upload.getFile", seconds=SLOW_SECONDS):
        start(page, "aurora-drift")
        reading = eventually(busy_pod, 60, "a worker is reading")
        others = calls_of_others(session_of(reading))
        kubectl("delete", "pod", reading["metadata"]["name"], "--wait=false", "--grace-period=1")
        held = buffered_until(page)
        assert held < seconds_of(page) - 5, "the browser has all of the film, so nothing is shown by playing on"
        eventually(lambda: calls_of_others(session_of(reading)) > others, 60, "other workers read on")
    page.wait_for_function(
        "(second) => document.querySelector('video').currentTime > second", arg=held + 3, timeout=240_000
    )
    assert page.get_by_test_id("player-failure").count() == 0
    eventually(lambda: replaced(reading), 120, "the operator has replaced the worker")


def test_the_film_goes_on_by_itself_after_no_worker_could_read(page: Page, site: Site) -> None:
    """The outage begins behind what the edge holds of the film."""
    film = site.source("aurora-drift", "1080p")
    with installed_edge() as edge:
        for source in site.grant("aurora-drift")["sources"]:
            edge.purge(CachedFile.of(source))
    with fault("error", method="upload.getFile", error="INTERNAL", offset_from=UNREADABLE_FROM_BYTES):
        start(page, "aurora-drift")
        unreadable_from = seconds_of(page) * UNREADABLE_FROM_BYTES / film["sizeBytes"]
        seek(page, unreadable_from - 5)
        page.get_by_test_id("reconnecting").wait_for(timeout=120_000)
    page.wait_for_function(
        """(second) => { const video = document.querySelector("video");
        return video.currentTime > second && !video.paused && video.readyState > 2 }""",
        arg=unreadable_from + 2,
        timeout=240_000,
    )
    assert page.get_by_test_id("player-failure").count() == 0


def calls_of_others(session: str) -> int:
    """How often the accounts of all other sessions read from the local Telegram."""
    return getfile_calls() - getfile_calls(WORKERS[session][0])


def buffered_until(page: Page) -> float:
    """The second up to which the browser can play without another byte."""
    held: float = page.evaluate(
        """() => { const {buffered, currentTime} = document.querySelector("video");
        const ends = [...Array(buffered.length).keys()].map((index) => buffered.end(index));
        return Math.max(currentTime, ...ends) }"""
    )
    return held


def seconds_of(page: Page) -> float:
    """Length of the film."""
    seconds: float = page.evaluate("() => document.querySelector('video').duration")
    return seconds


def replaced(pod: dict[str, Any]) -> bool:
    """Whether the session of a pod serves again, by another pod."""
    now = [one for one in worker_pods() if session_of(one) == session_of(pod)]
    return any(is_ready(one) and one["metadata"]["uid"] != pod["metadata"]["uid"] for one in now)


def test_nothing_that_reaches_a_browser_names_where_the_bytes_lie(page: Page, site: Site) -> None:
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))
    start(page, "glass-harbour")
    page.goto("/browse")
    texts = {
        response.url: f"{response.url} {response.headers} {readable_text(site, response)}" for response in responses
    }
    assert any(url.endswith(".js") for url in texts)
    named = re.compile(r"telegram|t\.me/|\btg:|mtproto|pyrogram", re.IGNORECASE)
    assert {url: match[0] for url, text in texts.items() if (match := named.search(text))} == {}


def readable_text(site: Site, response: Response) -> str:
    """The body of an answer where it is text, asked for again: a browser forgets bodies when it leaves a page."""
    kind = response.headers.get("content-type", "")
    if response.request.method != "GET" or not re.search(r"html|json|script|text", kind):
        return ""
    return site.http.get(response.url).text
