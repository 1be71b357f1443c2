"""Identifiers and documents keep their form: other parts and other languages rely on them."""

from streamvault_common.documents import Part, StoredFile, asset_id, file_id
from streamvault_common.models import SessionReport, WorkerState


def test_a_file_keeps_its_id_and_never_shares_it() -> None:
    assert file_id("red-reel", "1080p") == "573d75464c9880df1321c6a8e4728391"
    ids = {file_id("a", "b-c"), file_id("a-b", "c"), asset_id("a", "b-c"), file_id("a", "b")}
    assert len(ids) == 4


def test_a_stored_file_survives_the_database() -> None:
    parts = (Part(channel_id=-1002400000123, message_id=7, size_bytes=5),)
    stored = StoredFile(
        id="0" * 32, title="t", name="1080p", kind="video", parts=parts, size_bytes=5, content_type="video/mp4", gen=2
    )
    raw = stored.model_dump(by_alias=True, mode="json")
    assert raw["_id"] == "0" * 32
    assert StoredFile.model_validate(raw | {"field_of_a_newer_version": 1}) == stored
    assert stored.etag == f'"{"0" * 32}-2"'


def test_a_heartbeat_survives_redis() -> None:
    report = SessionReport(state=WorkerState.SERVING, at=12.5, in_flight=3)
    wire = report.to_redis()
    assert all(isinstance(value, str) for value in wire.values())
    assert SessionReport.model_validate(wire) == report
