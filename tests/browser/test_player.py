"""Watching a film on the title page, in a real browser, over real range requests."""

import re

import patient_http
import pytest
import website_samples as samples
from browser_watch import Watch
from film_page import FilmPage, PlayedFrom, hold_back, until_alive
from playwright.sync_api import BrowserContext, Page, expect
from website_edge import GONE, Library

from streamvault_common.documents import Quality

FILM = f"/t/{samples.MOVIES[0].id}"
SEASON = f"/t/{samples.SEASONS[0].id}"
WIDTH = {quality: width for quality, (width, _) in samples.FRAMES.items()}
FAILED_REQUEST = "Failed to load resource"
RESUMED_MS = 8_000
"""How long the player says that it took up an earlier viewing."""
COUNTDOWN_MS = 1_000
"""One step of the countdown to the next episode."""
BUSY_TRIES_MS = 180_000
"""Time enough for all the tries that come before a failure, and for the next one after it."""


@pytest.fixture
def film(page: Page, site: str) -> FilmPage:
    page.goto(site + FILM)
    return FilmPage(page)


def test_film_plays_from_its_beginning_after_one_click(film: FilmPage, library: Library) -> None:
    assert library.journal.calls["play"] == 0
    beginning = PlayedFrom(0)
    now = film.start()
    assert now.width == WIDTH[Quality.FHD], "the best quality that the screen can show"
    assert beginning.reaches(film.shown_second())
    assert library.journal.calls["play"] == 1


@pytest.mark.parametrize("second", [50, 15, 33])
def test_seeking_shows_the_second_that_was_asked_for(film: FilmPage, second: int) -> None:
    film.start()
    film.pause()  # it comes there by itself otherwise, if the test is slow enough
    film.seek(second)
    assert film.shown_second() == pytest.approx(second, abs=1)
    film.page.keyboard.press("k")
    film.until("it plays on", lambda now: now.goes_on and now.time > second + 0.5)


def test_switching_quality_keeps_the_position_and_goes_on_playing(film: FilmPage) -> None:
    film.start()
    there = PlayedFrom(12)
    film.seek(12)
    film.choose("quality", "720p")
    film.until("720p plays", lambda now: now.width == WIDTH[Quality.HD] and now.goes_on and there.reaches(now.time))
    assert there.reaches(film.shown_second())
    film.open_menu("quality")
    expect(film.option("quality", "720p")).to_have_attribute("aria-checked", "true")


def test_switching_quality_while_paused_stays_paused_at_the_place(film: FilmPage) -> None:
    film.start()
    film.seek(20)
    stopped = film.pause()
    film.choose("quality", "2160p")
    now = film.until(
        "2160p is there", lambda now: now.width == WIDTH[Quality.UHD] and not now.seeking and now.ready >= 2
    )
    assert now.paused
    assert now.time == pytest.approx(stopped.time, abs=0.6)


def test_chosen_quality_is_remembered_for_the_next_film(film: FilmPage, site: str) -> None:
    film.start()
    film.choose("quality", "720p")
    film.until("720p plays", lambda now: now.width == WIDTH[Quality.HD] and now.time > 0.3)
    film.page.goto(f"{site}/t/{samples.MOVIES[2].id}")
    assert film.start().width == WIDTH[Quality.HD]


def test_subtitles_are_chosen_from_the_menu_and_follow_the_picture(film: FilmPage) -> None:
    film.start()
    words = film.page.get_by_test_id("captions-text")
    expect(words).not_to_contain_text("Second")
    film.choose("captions", "de")
    expect(words).to_contain_text("Sekunde Nummer")
    film.pause()
    film.seek(45)
    expect(words).to_contain_text(re.compile("Sekunde Nummer 4[456]"))
    film.choose("captions", "en")
    expect(words).to_contain_text(re.compile("Second number 4[456]"))
    film.choose("captions", "off")
    expect(words).to_be_hidden()


def test_expired_link_is_renewed_without_a_word_at_the_same_position(
    film: FilmPage, library: Library, watch: Watch
) -> None:
    watch.expected = (FAILED_REQUEST,)
    film.start()
    there = PlayedFrom(12)
    film.seek(12)
    library.expire_links()
    film.choose("quality", "720p")
    film.until("it plays", lambda now: now.width == WIDTH[Quality.HD] and now.goes_on and there.reaches(now.time))
    assert library.journal.calls["play"] == 2
    expect(film.page.get_by_test_id("player-failure")).to_have_count(0)


def test_quality_that_is_missing_falls_to_the_next_one(film: FilmPage, library: Library, watch: Watch) -> None:
    watch.expected = (FAILED_REQUEST,)
    library.faults.file_status = {Quality.FHD: 404}
    film.press_play()
    film.until("720p plays instead", lambda now: now.width == WIDTH[Quality.HD] and now.time > 0.3)


def test_busy_file_is_tried_again_until_it_answers(film: FilmPage, library: Library, watch: Watch) -> None:
    watch.expected = (FAILED_REQUEST,)
    library.faults.file_status = {Quality.FHD: 503}
    film.press_play()
    expect(film.page.get_by_test_id("reconnecting")).to_be_visible()
    library.faults.file_status = {}
    film.until("1080p plays", lambda now: now.width == WIDTH[Quality.FHD] and now.time > 0.3)
    expect(film.page.get_by_test_id("reconnecting")).to_have_count(0)


def test_film_whose_connection_breaks_again_and_again_plays_on(film: FilmPage, library: Library, watch: Watch) -> None:
    watch.expected = (FAILED_REQUEST,)
    library.faults.cut_after_bytes = samples.film(Quality.FHD).stat().st_size // 5
    film.start()
    film.seek(40)
    film.until("it plays on", lambda now: now.goes_on and now.time > 43)
    assert film.shown_second() >= 42
    assert len({start for _, start in library.journal.film_starts if start}) >= 3, (
        "it was asked for from where it broke"
    )
    expect(film.page.get_by_test_id("player-failure")).to_have_count(0)


def play_towards_the_outage(film: FilmPage, library: Library) -> None:
    """Take a film up shortly before where nobody can read it: its first byte tells nothing about the outage."""
    film.start()
    film.pause()
    film.seek(samples.FILM_SECONDS // 2 - 5)
    library.faults.held_bytes = samples.film(Quality.FHD).stat().st_size // 2
    film.page.reload()
    film.press_play()


def test_short_outage_further_on_is_waited_for(film: FilmPage, library: Library, watch: Watch) -> None:
    watch.expected = (FAILED_REQUEST,)
    play_towards_the_outage(film, library)
    expect(film.page.get_by_test_id("reconnecting")).to_be_visible()
    library.faults.held_bytes = None
    now = film.until("it plays on", lambda now: now.goes_on and now.time > samples.FILM_SECONDS / 2 + 2)
    assert now.width == WIDTH[Quality.FHD]
    expect(film.page.get_by_test_id("player-failure")).to_have_count(0)


def test_jump_during_an_outage_is_where_the_film_goes_on(film: FilmPage, library: Library, watch: Watch) -> None:
    watch.expected = (FAILED_REQUEST,)
    play_towards_the_outage(film, library)
    expect(film.page.get_by_test_id("reconnecting")).to_be_visible()
    film.page.keyboard.press("9")
    library.faults.held_bytes = None
    film.until("it plays on", lambda now: now.goes_on and now.time > samples.FILM_SECONDS * 0.9 + 0.5)


def test_long_outage_further_on_is_said_and_the_film_goes_on_by_itself(
    film: FilmPage, library: Library, watch: Watch
) -> None:
    watch.expected = (FAILED_REQUEST,)
    play_towards_the_outage(film, library)
    failure = film.page.get_by_test_id("player-failure")
    expect(failure).to_have_attribute("data-failure", "busy", timeout=BUSY_TRIES_MS)
    expect(failure).to_contain_text("or try again now", timeout=BUSY_TRIES_MS)
    library.faults.held_bytes = None
    expect(failure).to_have_count(0, timeout=BUSY_TRIES_MS)
    now = film.until("it plays on", lambda now: now.goes_on and now.time > samples.FILM_SECONDS / 2 + 2)
    assert now.width == WIDTH[Quality.FHD]


@pytest.mark.parametrize("status", [410, 451])
def test_film_taken_down_during_playback_says_so(film: FilmPage, library: Library, watch: Watch, status: int) -> None:
    watch.expected = (FAILED_REQUEST,)
    film.start()
    library.faults.file_status = dict.fromkeys(Quality, status)
    film.choose("quality", "720p")
    failure = film.page.get_by_test_id("player-failure")
    expect(failure).to_have_attribute("data-failure", "gone")
    expect(failure).to_contain_text("No longer available")


def test_refused_grant_is_explained_with_its_request_id_and_can_be_tried_again(
    film: FilmPage, library: Library, watch: Watch
) -> None:
    watch.expected = (FAILED_REQUEST,)
    library.faults.play_status = 409
    film.press_play()
    failure = film.page.get_by_test_id("player-failure")
    expect(failure).to_have_attribute("data-failure", "missing")
    expect(failure).to_contain_text("made-by-the-stand-in")
    library.faults.play_status = None
    failure.get_by_role("button", name="Try again").click()
    film.until("it plays", lambda now: now.time > 0.3)


def test_viewing_goes_on_where_it_was_left(film: FilmPage, site: str) -> None:
    hold_back(film.page, RESUMED_MS)
    film.start()
    film.pause()
    film.seek(30)
    film.page.goto(f"{site}/browse")
    film.page.goto(site + FILM)
    there = PlayedFrom(30)
    now = film.start()
    assert there.reaches(now.time)
    expect(film.page.get_by_test_id("resumed")).to_contain_text(re.compile("Resumed at 0:(29|30|31)"))
    beginning = PlayedFrom(0)
    film.page.get_by_role("button", name="Start over").click()
    film.until("it starts over", lambda now: beginning.reaches(now.time) and not now.paused)


def test_episode_is_chosen_from_the_list_and_named_in_the_address(page: Page, site: str) -> None:
    page.goto(site + SEASON)
    film = FilmPage(page)
    until_alive(page.get_by_test_id("episode-3"))
    page.get_by_test_id("episode-3").click()
    film.until("episode 3 plays", lambda now: now.time > 0.3)
    assert page.url == f"{site}{SEASON}?e=3"
    expect(page.get_by_test_id("episode-3")).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("heading", name="Download episode 3")).to_be_visible()
    beginning = PlayedFrom(0)
    page.keyboard.press("Shift+N")
    expect(page.get_by_test_id("episode-4")).to_have_attribute("aria-current", "true")
    film.until("episode 4 plays", lambda now: now.time > 0.3 and beginning.reaches(now.time))


def test_next_episode_is_offered_at_the_end(page: Page, site: str) -> None:
    hold_back(page, COUNTDOWN_MS)
    page.goto(f"{site}{SEASON}?e=1")
    film = FilmPage(page)
    film.start()
    film.seek(58)
    offer = page.get_by_test_id("next-up")
    expect(offer).to_contain_text(samples.EPISODE_NAMES[1])
    beginning = PlayedFrom(0)
    offer.get_by_role("button", name="Play now").click()
    film.until("episode 2 plays from its beginning", lambda now: now.time > 0.3 and beginning.reaches(now.time))
    expect(page.get_by_test_id("episode-2")).to_have_attribute("aria-current", "true")


def test_download_starts_over_a_signed_link(film: FilmPage) -> None:
    download = film.page.get_by_test_id("download-720p")
    until_alive(download)
    with film.page.expect_request(lambda request: "/d/" in request.url) as asked:
        download.click()
    assert "?t=" in asked.value.url
    assert asked.value.url.split("?")[0].endswith("720p.mp4")


def test_codec_that_the_browser_lacks_is_passed_over(page: Page, site: str, library: Library) -> None:
    title = library.pages[samples.MOVIES[0].id]
    files = tuple(
        file.model_copy(update={"codecs": "xyz9.1"}) if file.quality == Quality.FHD else file for file in title.files
    )
    library.pages[title.id] = title.model_copy(update={"files": files})
    try:
        page.goto(site + FILM)
        film = FilmPage(page)
        assert film.start().width == WIDTH[Quality.UHD]
        film.open_menu("quality")
        expect(film.option("quality", "1080p")).to_contain_text("not supported here")
    finally:
        library.pages[title.id] = title


def test_everything_works_from_the_keyboard(film: FilmPage) -> None:
    page = film.page
    until_alive(page.get_by_test_id("play"))
    page.get_by_test_id("play").focus()
    page.keyboard.press("Enter")
    film.until("it plays", lambda now: now.time > 0.3)
    page.keyboard.press("Space")
    film.until("Space pauses", lambda now: now.paused)
    page.keyboard.press("5")
    film.until("5 goes to the middle", lambda now: abs(now.time - samples.FILM_SECONDS / 2) < 1)
    page.keyboard.press("l")
    film.until("L goes on by ten seconds", lambda now: abs(now.time - samples.FILM_SECONDS / 2 - 10) < 1)
    page.keyboard.press("ArrowLeft")
    film.until("the arrow goes back by five", lambda now: abs(now.time - samples.FILM_SECONDS / 2 - 5) < 1)
    page.keyboard.press("m")
    film.until("M mutes", lambda now: now.muted)
    page.keyboard.press("Shift+>")
    film.until("> is faster", lambda now: now.rate == 1.25)
    page.keyboard.press("c")
    expect(page.get_by_test_id("captions-text")).to_contain_text("number")
    page.get_by_test_id("quality").focus()
    page.keyboard.press("Enter")
    expect(film.option("quality", "1080p")).to_be_focused()
    page.keyboard.press("End")
    expect(film.option("quality", "720p")).to_be_focused()
    page.keyboard.press("Enter")
    film.until("the menu chose 720p", lambda now: now.width == WIDTH[Quality.HD])
    page.keyboard.press("f")
    expect(page.get_by_role("button", name="Leave full screen")).to_have_count(1)


def test_letters_typed_into_the_search_do_not_reach_the_player(film: FilmPage) -> None:
    beginning = PlayedFrom(0)
    film.start()
    film.page.get_by_role("searchbox").press_sequentially("milk 5")
    now = film.picture()
    assert now is not None
    assert not now.muted
    assert not now.paused
    assert beginning.reaches(now.time)


def test_gone_title_gives_no_player(context: BrowserContext, site: str) -> None:
    answer = patient_http.get(f"{site}/t/{GONE}")
    assert answer.status_code == 410
    assert 'data-testid="player"' not in answer.text
    del context
