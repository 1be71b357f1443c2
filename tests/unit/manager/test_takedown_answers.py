"""A title that was taken down is answered by setting, 410 or 451 with the link of RFC 7725; nothing else is told."""

import time

import httpx
import pytest
from catalogue_samples import film

from streamvault_common.documents import TitleDocument
from streamvault_common.signing import LinkKeys
from streamvault_manager.api.problems import TakedownAnswer
from streamvault_manager.app import Services, create_app
from streamvault_manager.metrics import Metrics
from streamvault_manager.services.catalogue import Catalogue
from streamvault_manager.services.details import DetailsEditor
from streamvault_manager.services.grants import Grants
from streamvault_manager.stores.mongo import MongoCatalogue

COURT = "https://court.example/orders?id=7"


class WithdrawnTitles(MongoCatalogue):
    """Every title in it was taken down."""

    async def title(self, title_id: str) -> TitleDocument:
        return film(title_id, state="TakenDown")


def application(answer: TakedownAnswer) -> httpx.AsyncClient:
    """The manager's application with that setting."""
    store, metrics = WithdrawnTitles("mongodb://127.0.0.1:1/", "none"), Metrics()
    catalogue = Catalogue(store)
    services = Services(
        catalogue=catalogue,
        grants=Grants(catalogue, store, LinkKeys("k1", {"k1": bytes(32)}), 3600, time.time),
        editor=DetailsEditor(store),
        metrics=metrics,
        serving=lambda: True,
        failed=lambda *told: pytest.fail(f"unexpected error: {told}"),
        takedown=answer,
    )
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(services, "a-token-for-tests-only")), base_url="http://manager"
    )


@pytest.mark.parametrize(
    ("answer", "status", "title", "link"),
    [
        (TakedownAnswer(), 410, "Gone", None),
        (TakedownAnswer(410, COURT), 410, "Gone", None),
        (TakedownAnswer(451), 451, "Unavailable For Legal Reasons", None),
        (TakedownAnswer(451, COURT), 451, "Unavailable For Legal Reasons", f'<{COURT}>; rel="blocked-by"'),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/titles/aurora"), ("POST", "/api/play/aurora")])
async def test_page_and_grant_are_answered_as_set(
    answer: TakedownAnswer, status: int, title: str, link: str | None, method: str, path: str
) -> None:
    async with application(answer) as http:
        told = await http.request(method, path)
    assert told.status_code == status
    assert told.headers["content-type"] == "application/problem+json"
    assert told.headers.get("link") == link
    assert (told.json()["title"], told.json()["status"], told.json()["detail"]) == (title, status, "")
    assert "aurora" not in told.text
