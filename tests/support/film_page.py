"""A title page as a viewer uses it: start, seek, choose, and read the picture."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import website_samples as samples
from playwright.sync_api import Locator, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

DEADLINE_SECONDS = 120
# The player hides its controls three seconds after the pointer's last move: what has not begun by then never does.
CONTROLS_MILLISECONDS = 5_000
# The grey of the mark is limited to 16..235 in the file and stretched to 0..255 on the screen.
_STRETCH = 255 / 219

_READ = """() => {
  const video = document.querySelector('video');
  if (!video) return null;
  return {
    time: video.currentTime, paused: video.paused, ended: video.ended, width: video.videoWidth, ready: video.readyState,
    rate: video.playbackRate, volume: video.volume, muted: video.muted, seeking: video.seeking, src: video.currentSrc
  };
}"""
_READ_MARK = """(size) => {
  const video = document.querySelector('video');
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const drawing = canvas.getContext('2d');
  drawing.drawImage(video, 0, 0);
  const grey = drawing.getImageData(size / 2, canvas.height - size / 2, 1, 1).data[1];
  return {grey, time: video.currentTime};
}"""
_IS_ALIVE = "element => Object.keys(element).some(key => key.startsWith('__reactProps'))"
_HOLD_BACK = """(delay) => {
  const {setTimeout} = window;
  window.setTimeout = (act, after, ...rest) => setTimeout(act, after === delay ? 600_000 : after, ...rest);
}"""


@dataclass(frozen=True)
class Picture:
    """What the video element shows; `width` in pixels tells the qualities of the samples apart."""

    time: float
    paused: bool
    ended: bool
    width: int
    ready: int
    rate: float
    volume: float
    muted: bool
    seeking: bool
    src: str

    @property
    def goes_on(self) -> bool:
        """A film that came to its end since it was last looked at did go on, though it stands now."""
        return self.ended or not self.paused


class PlayedFrom:
    """Where a film can be that is played from a second on: a slow machine looks late, but no film runs ahead of time.

    Made before the film is sent there.
    """

    def __init__(self, second: float) -> None:
        self._second = second
        self._since = time.monotonic()

    def reaches(self, second: float) -> bool:
        return self._second - 1 <= second <= self._second + (time.monotonic() - self._since) + 1


def until_alive(element: Locator) -> None:
    """Wait until the page's scripts have taken over an element: what is done to it before is lost."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not element.evaluate(_IS_ALIVE):
        assert time.monotonic() < deadline, f"no script has taken over {element}"
        element.page.wait_for_timeout(50)


def hold_back(page: Page, milliseconds: int) -> None:
    """In what the page loads from now on, a timer of so long takes ten minutes: what it would take away can be used."""
    page.add_init_script(f"({_HOLD_BACK})({milliseconds})")


class FilmPage:
    """Waits poll a condition with a deadline; the site's policy forbids Playwright's own in-page waiting."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press_play(self) -> None:
        play = self.page.get_by_test_id("play")
        until_alive(play)
        play.click()

    def start(self) -> Picture:
        self.press_play()
        return self.until("the film plays", lambda now: not now.paused and now.time > 0.3 and now.ready >= 2)

    def picture(self) -> Picture | None:
        read = self.page.evaluate(_READ)
        return None if read is None else Picture(**read)

    def until(self, what: str, wanted: Callable[[Picture], bool]) -> Picture:
        deadline = time.monotonic() + DEADLINE_SECONDS
        now = None
        while time.monotonic() < deadline:
            now = self.picture()
            if now is not None and wanted(now):
                return now
            self.page.wait_for_timeout(50)
        raise AssertionError(f"it did not come to pass that {what}: {now}, phase {self.phase()}")

    def phase(self) -> str | None:
        return self.page.get_by_test_id("player").get_attribute("data-phase")

    def shown_second(self) -> int:
        """The second that is burnt into the sample's picture, which is the one that the player tells.

        A busy machine may draw a picture late, but not for ever.
        """
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            mark = self.page.evaluate(_READ_MARK, samples.MARK_SIZE)
            second: int = round(mark["grey"] / _STRETCH / samples.MARK_STEP)
            if abs(second - mark["time"]) <= 1.5:
                return second
            assert time.monotonic() < deadline, f"the picture shows second {second}: {mark}"
            self.page.wait_for_timeout(50)

    def seek(self, seconds: float) -> Picture:
        """By a click on the seek bar."""
        seek = self.page.get_by_test_id("seek")

        def click() -> None:
            box = seek.bounding_box()
            assert box is not None
            x = box["width"] * seconds / samples.FILM_SECONDS
            seek.click(position={"x": x, "y": box["height"] / 2}, timeout=CONTROLS_MILLISECONDS)

        there = PlayedFrom(seconds)
        self.with_controls(click)
        return self.until(
            f"the film is at {seconds} s",
            lambda now: there.reaches(now.time) and not now.seeking and now.ready >= 2,
        )

    def show_controls(self) -> None:
        self.page.get_by_test_id("engine").hover(position={"x": 200, "y": 120}, timeout=CONTROLS_MILLISECONDS)
        self.page.mouse.move(400, 300)
        self.page.get_by_test_id("play-pause").wait_for(state="visible", timeout=CONTROLS_MILLISECONDS)

    def with_controls(self, act: Callable[[], None]) -> None:
        """Does what needs visible controls; like a person moves the pointer again where they hid before it was done."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            try:
                self.show_controls()
                return act()
            except PlaywrightTimeout:
                if time.monotonic() > deadline:
                    raise

    def open_menu(self, menu: str) -> None:
        """An open menu keeps the controls where they are."""
        button = self.page.get_by_test_id(menu)

        def click() -> None:
            if button.get_attribute("aria-expanded") != "true":
                button.click(timeout=CONTROLS_MILLISECONDS)
            entry = self.page.locator(f'[data-testid^="{menu}-"][role="menuitemradio"]').first
            entry.wait_for(state="visible", timeout=CONTROLS_MILLISECONDS)

        self.with_controls(click)

    def choose(self, menu: str, value: str) -> None:
        """Open the menu, again where it closed meanwhile, and take an entry."""

        def take() -> None:
            self.open_menu(menu)
            self.option(menu, value).click(timeout=CONTROLS_MILLISECONDS)

        self.with_controls(take)

    def pause(self) -> Picture:
        """Controls of a paused film stay. One that has ended is paused."""
        now = self.picture()
        if now is None or not now.ended:
            self.page.keyboard.press("k")
        return self.until("it is paused", lambda now: now.paused)

    def option(self, menu: str, value: str) -> Locator:
        return self.page.get_by_test_id(f"{menu}-{value}")
