"""The edge, asked as a viewer would ask it."""

from typing import Self

import aiohttp

PARTIAL_CONTENT = 206
CONNECT_SECONDS = 2
ANSWER_SECONDS = 60
"""A cold slice at a worker that waits for Telegram."""


class EdgeUnavailable(Exception):  # noqa: N818 - named for what is wrong, as everywhere in this project
    """The edge did not answer; the message never holds the link."""


class EdgeClient:
    """Asks the edge for single bytes of films."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._http = http

    @classmethod
    def connect(cls, url: str) -> Self:
        """Needs a running event loop; `url` is like `http://edge`."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS, connect=CONNECT_SECONDS)
        return cls(url, aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()))

    async def fetch_byte(self, link: str, position: int) -> bool:
        """Whether the edge sent the byte, and so holds its slice; raises EdgeUnavailable.

        Any other answer is dropped unread: it may be a whole film.
        """
        headers = {"Range": f"bytes={position}-{position}"}
        try:
            async with self._http.get(self._url + link, headers=headers, allow_redirects=False) as response:
                if response.status != PARTIAL_CONTENT or response.content_length != 1:
                    response.close()
                    return False
                await response.read()
                return True
        except (aiohttp.ClientError, TimeoutError) as error:
            raise EdgeUnavailable(type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
