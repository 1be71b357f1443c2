"""A real Chromium, and the website as its image runs it behind a stand-in for edge and manager."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import website_edge
import website_process
import website_samples
from browser_network import BrowserNetwork
from browser_watch import CHROMIUM_FLAGS, CHROMIUM_SHELL, WAIT_MS, Watch
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from ports import free_port

SCREENSHOTS = website_process.REPOSITORY / "build" / "screenshots"
SECONDS = 2400
"""The first test of a run builds the website, which takes minutes beside everything else on two cores."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Only those of this folder: pytest hands over all."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="module")
def network() -> Iterator[BrowserNetwork]:
    with BrowserNetwork() as network:
        yield network


@pytest.fixture(scope="module")
def chromium(request: pytest.FixtureRequest, network: BrowserNetwork) -> Iterator[Browser]:
    """A browser; which one may be said by a module's PROGRAM.

    No longer than a module: while Playwright's loop runs, no test with asyncio can.
    """
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        program: str = getattr(request.module, "PROGRAM", CHROMIUM_SHELL)
        browser = playwright.chromium.launch(
            executable_path=network.program(program), args=list(CHROMIUM_FLAGS), timeout=WAIT_MS
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def running_library() -> Iterator[tuple[website_edge.Library, str]]:
    library = website_edge.Library()
    website_samples.draw_pictures()
    edge_port, website_port = free_port(), free_port()
    with (
        website_process.running(website_port, edge_port),
        website_edge.serve(library, edge_port, website_port),
    ):
        yield library, f"http://127.0.0.1:{edge_port}"


@pytest.fixture
def library(running_library: tuple[website_edge.Library, str]) -> Iterator[website_edge.Library]:
    """The stand-in's titles and faults; healthy again after the test."""
    library, _ = running_library
    library.journal.clear()
    yield library
    library.faults.clear()


@pytest.fixture
def site(
    running_library: tuple[website_edge.Library, str], library: website_edge.Library, network: BrowserNetwork
) -> str:
    """Address of the website behind the stand-in, without a trailing slash."""
    del library
    return network.reach(running_library[1])


@pytest.fixture(scope="module")
def running_site(network: BrowserNetwork) -> str:
    """Address of the website that `make up` started."""
    return network.reach(os.environ.get("SITE_URL", "http://127.0.0.1:30080").rstrip("/"))


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(WAIT_MS)
    with contextlib.closing(context):
        yield context


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def page(context: BrowserContext, watch: Watch) -> Iterator[Page]:
    """A page that must neither complain nor receive a word that names the source."""
    page = context.new_page()
    watch.follow(page)
    yield page
    assert watch.unexpected() == []
    assert watch.traces == []


@pytest.fixture(scope="session")
def screenshots() -> Path:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS
