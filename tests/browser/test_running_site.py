"""The site that `make up` started, as a visitor sees it."""

import patient_http
import pytest
from browser_watch import Watch
from film_page import CONTROLS_MILLISECONDS, FilmPage
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.cluster]


@pytest.fixture(scope="module")
def titles(running_site: str) -> dict[str, str]:
    """The id of the newest title of each kind."""
    items = patient_http.get(f"{running_site}/api/titles").raise_for_status().json()["items"]
    return {item["kind"]: item["id"] for item in reversed(items)}


def test_visitor_finds_a_film_and_watches_it(page: Page, running_site: str, titles: dict[str, str]) -> None:
    page.goto(running_site)
    expect(page.get_by_role("heading", level=2, name="Movies")).to_be_visible()
    page.locator(f'article a[href="/t/{titles["Movie"]}"]').first.click()
    expect(page.get_by_test_id("play")).to_be_visible()
    film = FilmPage(page)
    first = film.start()
    assert first.width > 0


def test_quality_changes_in_place(page: Page, running_site: str, titles: dict[str, str]) -> None:
    page.goto(f"{running_site}/t/{titles['Movie']}")
    film = FilmPage(page)
    film.start()
    film.choose("quality", "720p")
    film.until("720p plays", lambda now: now.width == 1280 and now.goes_on and now.time > 0.5)


def test_episode_plays_with_subtitles(page: Page, running_site: str, titles: dict[str, str]) -> None:
    page.goto(f"{running_site}/t/{titles['Season']}?e=2")
    film = FilmPage(page)
    film.start()

    def choose_first() -> None:
        film.open_menu("captions")
        language = page.locator('[data-testid^="captions-"][role="menuitemradio"]').nth(1)
        language.click(timeout=CONTROLS_MILLISECONDS)

    film.with_controls(choose_first)
    expect(page.get_by_test_id("captions-text")).not_to_be_empty()


def test_unknown_title_is_a_404(page: Page, running_site: str, watch: Watch) -> None:
    watch.expected = ("status of 404",)
    answer = page.goto(f"{running_site}/t/no-such-title")
    assert answer is not None
    assert answer.status == 404
