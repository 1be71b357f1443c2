"""`/api/admin`: how a title's metadata is declared; inside the cluster only, with a bearer token."""

import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Path

from streamvault_common.api import TitleDetails
from streamvault_manager.services.details import DetailsEditor

Id = Annotated[str, Path(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


def router(editor: DetailsEditor, token: str) -> APIRouter:
    """Routes behind `Authorization: Bearer <token>`."""
    expected = f"Bearer {token}".encode()

    async def authorized(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), expected):
            raise HTTPException(401, "A valid bearer token is required", {"WWW-Authenticate": "Bearer"})

    routes = APIRouter(prefix="/api/admin/titles", tags=["admin"], dependencies=[Depends(authorized)])

    @routes.put("/{title_id}/details")
    async def put_details(title_id: Id, details: TitleDetails) -> TitleDetails:
        """Replace a title's metadata and assets."""
        return await editor.replace(title_id, details)

    @routes.get("/{title_id}/details")
    async def get_details(title_id: Id) -> TitleDetails:
        """What was put last."""
        return await editor.read(title_id)

    return routes
