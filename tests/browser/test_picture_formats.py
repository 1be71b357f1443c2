"""Which rendition of a picture a browser takes, and what it shows where there is none."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import website_samples as samples
from browser_network import BrowserNetwork
from browser_watch import Watch
from edge_site import Site
from origin import File
from playwright.sync_api import Page
from website_edge import Library

TITLE = samples.MOVIES[0].id


@pytest.mark.parametrize(
    ("formats", "taken"),
    [(("avif", "webp", "jpeg"), "image/avif"), (("webp", "jpeg"), "image/webp"), (("jpeg",), "image/jpeg")],
)
def test_browser_takes_the_lightest_format_that_there_is(
    page: Page, site: str, library: Library, formats: tuple[str, ...], taken: str
) -> None:
    """One address holds one format for ever; the page lists them, lightest first, and the browser chooses."""
    posters = samples.pictures(TITLE, "poster", (2, 3), formats)
    title = library.pages[TITLE].model_copy(update={"id": f"only-{len(formats)}", "posters": posters, "images": ()})
    library.unlisted[title.id] = title
    kinds = []
    page.on("response", lambda answer: kinds.append(answer.headers["content-type"]) if "/i/" in answer.url else None)
    page.goto(f"{site}/t/{title.id}")
    page.wait_for_function("() => [...document.images].some(image => image.currentSrc && image.naturalWidth > 0)")
    assert set(kinds) == {taken}


@pytest.fixture
def edge(tmp_path: Path, network: BrowserNetwork) -> Iterator[Site]:
    """The real edge, whose worker knows no picture."""
    site = Site(tmp_path, workers=1)
    try:
        site.start()
        network.reach(site.nginx.url)
        yield site
    finally:
        site.stop()


def test_missing_picture_is_shown_as_a_frame(page: Page, watch: Watch, edge: Site) -> None:
    watch.expected = ("Failed to load resource",)
    missing = edge.image(File(b"never stored"))
    with page.expect_response(lambda answer: answer.url.endswith(missing)) as awaited:
        page.set_content(f'<img src="{edge.nginx.url}{missing}" width="200" height="300" alt="">')
    assert awaited.value.status == 404
    page.wait_for_function("document.images[0].complete")
    assert page.evaluate("document.images[0].naturalWidth") > 0, "a broken picture has no width"
