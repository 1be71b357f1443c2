"""Every page at three widths: no finding of axe, nothing wider than the screen; kept as pictures."""

from pathlib import Path

import pytest
import website_process
import website_samples as samples
from browser_watch import WAIT_MS, Watch
from film_page import FilmPage
from playwright.sync_api import Browser, BrowserContext, Page
from website_edge import GONE

AXE = website_process.SOURCE / "node_modules" / "axe-core" / "axe.min.js"
PAGES = {
    "home": "/",
    "browse": "/browse?kind=movie",
    "nothing-found": "/browse?q=zzz",
    "film": f"/t/{samples.MOVIES[0].id}",
    "season": f"/t/{samples.SEASONS[0].id}?e=2",
    "gone": f"/t/{GONE}",
    "not-found": "/nothing",
}
WIDTHS = {390: 844, 768: 1024, 1440: 900}
_FINDINGS = """async () => {
  const runOnly = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const {violations} = await axe.run(document, {runOnly});
  const words = (id, node) => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary}`;
  return violations.flatMap(({id, nodes}) => nodes.map((node) => words(id, node)));
}"""
_OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def sized(chromium: Browser, site: str, width: int) -> BrowserContext:
    context = chromium.new_context(
        viewport={"width": width, "height": WIDTHS[width]}, base_url=site, reduced_motion="reduce"
    )
    context.set_default_timeout(WAIT_MS)
    return context


def findings(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())
    found: list[str] = page.evaluate(_FINDINGS)
    return found


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_page_has_no_accessibility_finding(
    sized: BrowserContext, screenshots: Path, watch: Watch, name: str, width: int
) -> None:
    page = sized.new_page()
    watch.expected = ("Failed to load resource",)
    watch.follow(page)
    page.goto(PAGES[name], wait_until="networkidle")
    page.screenshot(path=screenshots / f"{name}-{width}.png", full_page=True)
    assert findings(page) == []
    assert page.evaluate(_OVERFLOW) == 0, "the page scrolls sideways"
    assert watch.unexpected() == []
    sized.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_player_with_an_open_menu_has_no_accessibility_finding(
    sized: BrowserContext, screenshots: Path, watch: Watch, width: int
) -> None:
    page = sized.new_page()
    watch.follow(page)
    page.goto(PAGES["film"])
    film = FilmPage(page)
    film.start()
    film.pause()
    page.screenshot(path=screenshots / f"player-{width}.png")
    assert findings(page) == []
    film.open_menu("quality")
    film.option("quality", "720p").wait_for(state="visible")
    page.wait_for_timeout(300)
    page.screenshot(path=screenshots / f"player-menu-{width}.png")
    assert findings(page) == []
    assert watch.unexpected() == []
    sized.close()


@pytest.mark.parametrize("width", [390])
def test_controls_are_large_enough_for_a_finger(sized: BrowserContext) -> None:
    page = sized.new_page()
    for name in ("home", "film", "season"):
        page.goto(PAGES[name])
        small = page.evaluate(
            """(least) => [...document.querySelectorAll('a[href], button, input')]
              .map((element) => [element.outerHTML.slice(0, 120), element.getBoundingClientRect()])
              .filter(([, box]) => box.width > 1 && (box.width < least || box.height < least))
              .map(([html, box]) => `${html} ${box.width}x${box.height}`)""",
            44,
        )
        assert small == [], name
    sized.close()


@pytest.mark.parametrize("width", [1440])
def test_glass_becomes_solid_where_transparency_is_unwanted(sized: BrowserContext, width: int) -> None:
    del width
    page = sized.new_page()
    session = sized.new_cdp_session(page)
    session.send(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-reduced-transparency", "value": "reduce"}]}
    )
    page.goto("/")
    style = page.locator("header").first.evaluate(
        "bar => [getComputedStyle(bar).backdropFilter, getComputedStyle(bar).backgroundColor]"
    )
    assert style == ["none", "rgb(21, 24, 33)"]
    sized.close()
