"""Finding a title: the pages as they come from the server, with and without scripts."""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator

import httpx
import patient_http
import pytest
import website_process
import website_samples as samples
from browser_watch import WAIT_MS, Watch
from playwright.sync_api import Browser, Page, expect
from ports import free_port
from website_edge import GONE, HOSTILE, Library

FILM = samples.MOVIES[0]
SEASON = samples.SEASONS[0]
REQUEST_ID = "viewer-request-1"
CHANGE_SECONDS = 60


@pytest.fixture
def plain(chromium: Browser, site: str) -> Iterator[Page]:
    """A browser that runs no scripts."""
    context = chromium.new_context(java_script_enabled=False, base_url=site)
    context.set_default_timeout(WAIT_MS)
    with contextlib.closing(context):
        yield context.new_page()


def test_library_is_readable_without_scripts(plain: Page) -> None:
    plain.goto("/")
    expect(plain.get_by_role("heading", level=1, name=FILM.name)).to_be_visible()
    for shelf in ("New", "Movies", "Series"):
        expect(plain.get_by_role("heading", level=2, name=shelf, exact=True)).to_be_visible()
    plain.get_by_role("link", name="See all: Series").click()
    expect(plain.get_by_role("heading", level=1, name="Series")).to_be_visible()
    expect(plain.get_by_role("article")).to_have_count(len(samples.SEASONS))


def test_search_works_without_scripts_and_lives_in_the_address(plain: Page) -> None:
    plain.goto("/")
    plain.get_by_role("searchbox").fill("orchard")
    plain.get_by_role("searchbox").press("Enter")
    expect(plain).to_have_url("/browse?q=orchard")
    expect(plain.get_by_role("article")).to_have_count(1)
    plain.get_by_role("link", name="Three Sisters Orchard").click()
    expect(plain.get_by_role("heading", level=1, name="Three Sisters Orchard")).to_be_visible()
    assert re.search("<noscript>.*The player needs JavaScript", plain.content())


def test_episode_links_work_without_scripts(plain: Page) -> None:
    plain.goto(f"/t/{SEASON.id}")
    plain.get_by_test_id("episode-2").click()
    expect(plain).to_have_url(f"/t/{SEASON.id}?e=2")
    expect(plain.get_by_test_id("episode-2")).to_have_attribute("aria-current", "true")


def test_filters_keep_the_search_and_nothing_found_says_so(page: Page, site: str) -> None:
    page.goto(f"{site}/browse?q=light")
    expect(page.get_by_role("article")).to_have_count(1)
    page.get_by_role("navigation", name="Filter by kind").get_by_role("link", name="Series").click()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    expect(page).to_have_url(f"{site}/browse?kind=series&q=light")
    page.get_by_role("link", name="Clear search").click()
    expect(page.get_by_role("article")).to_have_count(len(samples.SEASONS))


def test_posters_come_in_formats_and_widths_and_the_browser_takes_the_fitting_one(page: Page, site: str) -> None:
    page.goto(site)
    card = page.get_by_role("article").first
    sources = card.locator("source")
    expect(sources).to_have_count(2)
    expect(sources.first).to_have_attribute("type", "image/avif")
    assert len((sources.first.get_attribute("srcset") or "").split(",")) == len(samples.WIDTHS)
    page.wait_for_function("() => document.querySelector('article img').naturalWidth > 0")
    taken = card.locator("img").evaluate("image => image.naturalWidth")
    assert taken <= 400, "a card of 196 px needs no poster of 800"


def test_empty_library_says_coming_soon(page: Page, site: str, library: Library) -> None:
    library.faults.library_empty = True
    until_answered(site, lambda answer: "Coming soon" in answer.text)
    page.goto(site)
    expect(page.get_by_role("heading", level=1, name="Coming soon")).to_be_visible()


@pytest.mark.parametrize(
    ("path", "status", "heading"),
    [
        (f"/t/{GONE}", 410, "No longer available"),
        ("/t/never-heard-of", 404, "Page not found"),
        ("/no/such/page", 404, "Page not found"),
        ("/t/%E0%A4%A", 404, "Page not found"),
        ("/system/gone", 404, "Page not found"),
    ],
)
def test_absence_has_its_own_status_and_page(
    page: Page, site: str, watch: Watch, path: str, status: int, heading: str
) -> None:
    watch.expected = (f"status of {status}",)
    answer = page.goto(site + path)
    assert answer is not None
    assert answer.status == status
    assert answer.headers["x-robots-tag"] == "noindex"
    expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()


def test_a_site_that_withholds_for_legal_reasons_says_so_and_who_asked(
    page: Page, site: str, library: Library, watch: Watch
) -> None:
    watch.expected = ("status of 451",)
    library.faults.takedown_status, library.faults.blocked_by = 451, "https://court.example/orders"
    until_answered(f"{site}/t/{GONE}", lambda answer: answer.status_code == 451)
    answer = page.goto(f"{site}/t/{GONE}")
    assert answer is not None
    assert answer.status == 451
    assert '<https://court.example/orders>; rel="blocked-by"' in answer.headers["link"]
    assert answer.headers["cache-control"] == "no-store"
    expect(page.get_by_role("heading", level=1, name="No longer available")).to_be_visible()


def test_gone_page_tells_nothing_about_the_title(site: str) -> None:
    text = patient_http.get(f"{site}/t/{GONE}").text
    assert "ld+json" not in text
    assert "/i/" not in text


@pytest.mark.parametrize("path", ["/", "/browse", f"/t/{FILM.id}"])
def test_outage_answers_503_with_the_request_id_and_ends_by_itself(
    page: Page, site: str, library: Library, watch: Watch, path: str
) -> None:
    watch.expected = ("status of 503",)
    library.faults.api_down = True
    until_answered(site + path, lambda answer: answer.status_code == 503)
    page.set_extra_http_headers({"x-request-id": REQUEST_ID})
    answer = page.goto(site + path)
    assert answer is not None
    assert answer.status == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.headers["x-request-id"] == REQUEST_ID
    expect(page.get_by_text(REQUEST_ID)).to_be_visible()
    library.faults.api_down = False
    until_answered(site + path, lambda answer: answer.status_code == 200)
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("heading", name="We will be right back")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_words_of_a_title_stay_words(page: Page, site: str) -> None:
    page.goto(f"{site}/t/{HOSTILE}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("</script><script>window.hacked=1</script>")
    assert page.evaluate("window.hacked") is None
    assert page.locator("h1 b").count() == 0
    data = page.locator('script[type="application/ld+json"]').text_content()
    graph = json.loads(data or "")["@graph"]
    assert graph[0]["name"].startswith("</script>")


def test_title_page_describes_itself_to_machines(site: str) -> None:
    text = patient_http.get(f"{site}/t/{SEASON.id}").text
    assert f'<link rel="canonical" href="/t/{SEASON.id}"' in text or f"/t/{SEASON.id}" in text
    assert re.search(r'<meta property="og:type" content="video.tv_show"', text)
    data = re.search(r'<script type="application/ld\+json">(.*?)</script>', text)
    assert data
    season = json.loads(data[1])["@graph"][0]
    assert season["@type"] == "TVSeason"
    assert [episode["episodeNumber"] for episode in season["episode"]] == [1, 2, 3, 4]
    assert season["url"].startswith(site)


def test_every_page_has_a_nonce_of_its_own_and_a_closed_policy(site: str) -> None:
    policies = [patient_http.get(site).headers["content-security-policy"] for _ in range(2)]
    assert policies[0] != policies[1]
    assert "default-src 'none'" in policies[0]
    assert "unsafe-inline" not in policies[0].split("style-src-attr")[0]
    assert "unsafe-eval" not in policies[0]


def test_one_catalogue_answer_serves_proxy_and_page(site: str, library: Library) -> None:
    """It is shared for half a second: a machine that stands still meanwhile may do better with another film."""

    def calls_for(title: str) -> int:
        patient_http.get(f"{site}/t/{title}")
        return library.journal.calls[f"title {title}"]

    assert any(calls_for(film.id) == 1 for film in samples.MOVIES[3:8])


def test_site_takes_name_accent_and_noindex_from_its_settings(running_library: tuple[Library, str]) -> None:
    port = free_port()
    manager_port = int(running_library[1].rpartition(":")[2])
    settings = {"SITE_NAME": "Night & Day", "SITE_ACCENT": "#f5c451", "SITE_NOINDEX": "true"}
    with website_process.running(port, manager_port, settings):
        answer = patient_http.get(f"http://127.0.0.1:{port}/")
        robots = patient_http.get(f"http://127.0.0.1:{port}/robots.txt").text
    assert "<title>Night &amp; Day</title>" in answer.text
    assert "StreamVault" not in answer.text
    assert "--accent:#f5c451" in answer.text
    assert answer.headers["x-robots-tag"] == "noindex"
    assert '<meta name="robots" content="noindex' in answer.text
    assert "Disallow: /\n" in robots


def test_probes_and_metrics_answer_while_the_catalogue_is_down(site: str, library: Library) -> None:
    library.faults.api_down = True
    assert patient_http.get(f"{site}/healthz").status_code == 200
    assert patient_http.get(f"{site}/readyz").status_code == 200
    assert "streamvault_frontend_api_calls_total" in patient_http.get(f"{site}/metrics").text


def test_library_is_used_by_keyboard_alone(page: Page, site: str) -> None:
    page.goto(site)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name=f"Play {FILM.name}")).to_be_focused()
    expect(page.get_by_role("button", name="New: more")).to_be_visible()  # the row's script, which has the arrow keys
    page.get_by_role("article").first.get_by_role("link").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("article").nth(1).get_by_role("link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name=samples.SAMPLES[1].name)).to_be_visible()


def until_answered(url: str, wanted: Callable[[httpx.Response], bool]) -> None:
    """Ask until the website has taken note of a change: it shares what the catalogue answered for half a second."""
    deadline = time.monotonic() + CHANGE_SECONDS
    while not wanted(patient_http.get(url, headers={"x-request-id": REQUEST_ID})):
        assert time.monotonic() < deadline, f"{url} did not change within {CHANGE_SECONDS} s"
        time.sleep(0.1)  # the pause between two looks, not a wait
