"""Follows a browser page: what it complains about, and whether anything it receives names the source."""

from dataclasses import dataclass, field

import white_label
from playwright.sync_api import ConsoleMessage, Error, Page, Response

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_SHELL = "/usr/bin/chromium-headless-shell"
"""The same engine without the browser around it: a third of the work. It has no cache on disk and asks for media so."""
WAIT_MS = 60_000
"""For whatever a page should come to show: on two cores that do everything else as well, a page takes its time."""
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TEXTUAL = ("text/", "javascript", "json", "svg", "xml", "manifest")


@dataclass
class Watch:
    """Complaints of one page; a test that provokes some lists them in `expected`."""

    complaints: list[str] = field(default_factory=list)
    traces: list[str] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    expected: tuple[str, ...] = ()

    def follow(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        page.on("response", self._response)

    def unexpected(self) -> list[str]:
        return [text for text in self.complaints if not any(words in text for words in self.expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def _response(self, response: Response) -> None:
        self.statuses[response.url] = response.status
        headers = response.headers
        kind = headers.get("content-type", "")
        self.traces += [f"{response.url} headers: {found}" for found in white_label.traces(repr(headers))]
        if any(word in kind for word in TEXTUAL):
            try:
                text = response.text()
            except Error:
                return  # The page went on before the body was kept.
            self.traces += [f"{response.url}: {found}" for found in white_label.traces(text, kind)]
