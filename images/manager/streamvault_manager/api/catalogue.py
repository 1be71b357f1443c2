"""`/api/titles`: the catalogue as the website reads it."""

from typing import Annotated

from fastapi import APIRouter, Query

from streamvault_common.api import TitleList, TitlePage
from streamvault_common.documents import TitleKind
from streamvault_manager.services.catalogue import Catalogue

Text = Annotated[str, Query(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=512)]


def router(catalogue: Catalogue) -> APIRouter:
    """Routes that list and show titles."""
    routes = APIRouter(prefix="/api/titles", tags=["catalogue"])

    @routes.get("")
    async def list_titles(
        kind: TitleKind | None = None, q: Text = "", limit: Limit = 24, cursor: Cursor = None
    ) -> TitleList:
        """Published titles, newest first."""
        return await catalogue.page(kind, q.strip(), limit, cursor)

    @routes.get("/{title_id}")
    async def show_title(title_id: str) -> TitlePage:
        """One Published or Unlisted title."""
        return await catalogue.title(title_id)

    return routes
