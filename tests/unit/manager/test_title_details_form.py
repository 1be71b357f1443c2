"""The declared form of a title's metadata, how it is stored, and what is refused before it is."""

from typing import Any

import pytest
from catalogue_samples import image_asset, subtitle_asset
from pydantic import ValidationError

from streamvault_common.api import TitleDetails
from streamvault_common.documents import asset_id
from streamvault_manager.services.details import from_document, require_same_bytes, to_document, to_stored_file
from streamvault_manager.services.errors import AssetChanged

FULL = {
    "tagline": "Stay awake.",
    "plot": "A light answers.",
    "genres": ["Mystery"],
    "cast": [{"name": "Ines", "role": "Operator"}],
    "runtimeSeconds": 90,
    "color": "#14233b",
    "episodes": [{"number": 1, "name": "One", "plot": "", "runtimeSeconds": 40}],
    "codecs": {"1080p": "avc1.640028"},
    "assets": [image_asset(), subtitle_asset(episode=1)],
}


def test_what_was_declared_is_read_back() -> None:
    declared = TitleDetails.model_validate(FULL)
    files = {file.id: file for file in (to_stored_file("aurora", asset) for asset in declared.assets)}

    assert from_document(to_document("aurora", declared), files) == declared


def test_an_asset_is_stored_under_an_id_made_of_title_and_name() -> None:
    asset = TitleDetails.model_validate(FULL).assets[0]

    stored = to_stored_file("aurora", asset)

    assert stored.id == asset_id("aurora", "poster-200.webp")
    assert (stored.kind, stored.gen, stored.content_type) == ("image", 1, "image/webp")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"color": "red"}, "color"),
        ({"color": "#fff;}</style>"}, "color"),
        ({"assets": [image_asset(contentType="image/svg+xml")]}, "contentType"),
        ({"assets": [image_asset(sizeBytes=1)]}, "not the sum of its parts"),
        ({"assets": [image_asset(parts=[])]}, "parts"),
        ({"assets": [image_asset(), image_asset()]}, "same name"),
        ({"assets": [subtitle_asset(language="../en")]}, "language"),
        ({"assets": [image_asset(kind="video")]}, "kind"),
    ],
)
def test_what_would_break_a_page_or_a_worker_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        TitleDetails.model_validate(FULL | change)


def test_other_bytes_under_a_known_name_are_refused_by_name() -> None:
    before = to_stored_file("aurora", TitleDetails.model_validate(FULL).assets[0])
    moved = before.model_copy(update={"parts": ()})
    other = before.model_copy(update={"size_bytes": 5})

    require_same_bytes([moved], {before.id: before})
    with pytest.raises(AssetChanged, match=r"poster-200\.webp.*new name"):
        require_same_bytes([other], {before.id: before})
