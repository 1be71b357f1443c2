"""The catalogue as viewers may see it."""

import base64
import binascii
import json

from streamvault_common.api import TitleList, TitlePage
from streamvault_common.documents import DetailsDocument, TitleDocument, TitleKind
from streamvault_manager.stores.mongo import MongoCatalogue, Position, TitleQuery

from . import projection
from .errors import CursorUnreadable, TitleGone, TitleUnknown

VISIBLE = ("Published", "Unlisted")


class Catalogue:
    """Lists Published titles, shows Published and Unlisted ones."""

    def __init__(self, store: MongoCatalogue) -> None:
        self._store = store

    async def page(self, kind: TitleKind | None, text: str, limit: int, cursor: str | None) -> TitleList:
        """At most `limit` titles, newest first, from `cursor` on; raises CursorUnreadable."""
        after = None if cursor is None else read_cursor(cursor)
        titles, total = await self._store.published(TitleQuery(kind, text, after, limit + 1))
        shown, more = titles[:limit], len(titles) > limit
        details = await self._store.details([title.id for title in shown])
        return TitleList(
            items=tuple(projection.card(title, details.get(title.id, _no_details(title.id))) for title in shown),
            next_cursor=write_cursor(Position(shown[-1].published_at, shown[-1].id)) if more else None,
            total=total,
        )

    async def title(self, title_id: str) -> TitlePage:
        """One title's page; raises TitleUnknown or TitleGone."""
        title, details = await self.visible(title_id)
        return projection.page(title, details)

    async def visible(self, title_id: str) -> tuple[TitleDocument, DetailsDocument]:
        """A title that may be shown, and its metadata; raises TitleUnknown or TitleGone."""
        title = await self._store.title(title_id)
        if title is not None and title.state == "TakenDown":
            raise TitleGone(title_id)
        if title is None or title.state not in VISIBLE:
            raise TitleUnknown(title_id)
        details = await self._store.details([title_id])
        return title, details.get(title_id, _no_details(title_id))


def write_cursor(position: Position) -> str:
    """An opaque, URL-safe word for a place in the list."""
    text = json.dumps([position.published_at, position.title_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def read_cursor(text: str) -> Position:
    """The place that `write_cursor` wrote; raises CursorUnreadable."""
    try:
        value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise CursorUnreadable(text) from error
    match value:
        case [str() | None as published_at, str() as title_id] if _is_text(f"{published_at}{title_id}"):
            return Position(published_at, title_id)
    raise CursorUnreadable(text)


def _is_text(text: str) -> bool:
    """Whether it can be asked for: JSON also writes halves of characters, which no database takes."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _no_details(title_id: str) -> DetailsDocument:
    return DetailsDocument(id=title_id)
