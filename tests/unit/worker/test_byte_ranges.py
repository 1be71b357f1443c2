"""Range and condition headers are understood as RFC 9110 says."""

import pytest

from streamvault_common.documents import Part, StoredFile
from streamvault_worker.stream.answer import plan_answer
from streamvault_worker.stream.ranges import ByteRange, RangeNotSatisfiable, parse_range

FILE = StoredFile(
    id="0" * 32,
    title="t",
    name="1080p",
    kind="video",
    gen=3,
    parts=(Part(channel_id=1, message_id=1, size_bytes=1000),),
    size_bytes=1000,
    content_type="video/mp4",
)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=0-", (0, 999)),
        ("bytes=999-", (999, 999)),
        ("bytes=10-19", (10, 19)),
        ("bytes=990-5000", (990, 999)),
        ("bytes=-1", (999, 999)),
        ("bytes=-5000", (0, 999)),
        ("Bytes = 1 - 2 ", (1, 2)),
        ("bytes=0-18446744073709551615", None),
    ],
)
def test_one_range_is_read_and_clamped(header: str, expected: tuple[int, int] | None) -> None:
    if expected is None:
        with pytest.raises(RangeNotSatisfiable):
            parse_range(header, 1000)
    else:
        assert parse_range(header, 1000) == ByteRange(*expected)


@pytest.mark.parametrize(
    "header",
    ["bytes=1000-", "bytes=1000-2000", "bytes=-0", "bytes=5-4", "bytes=0-1,4-5", "bytes=-", "bytes=", "bytes=a-b"],
)
def test_ranges_without_a_byte_are_refused(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse_range(header, 1000)


def test_another_unit_is_ignored() -> None:
    assert parse_range("seconds=1-2", 1000) is None


@pytest.mark.parametrize(
    ("method", "headers", "status", "extent", "length"),
    [
        ("GET", {}, 200, None, "1000"),
        ("HEAD", {"range": "bytes=0-0"}, 200, None, "1000"),
        ("GET", {"range": "bytes=0-99"}, 206, "bytes 0-99/1000", "100"),
        ("GET", {"range": "bytes=1000-"}, 416, "bytes */1000", "0"),
        ("GET", {"range": "bytes=0-99", "if-range": FILE.etag}, 206, "bytes 0-99/1000", "100"),
        ("GET", {"range": "bytes=0-99", "if-range": '"other"'}, 200, None, "1000"),
        ("GET", {"range": "bytes=0-99", "if-range": f"W/{FILE.etag}"}, 200, None, "1000"),
        ("GET", {"if-none-match": f'"x", {FILE.etag}'}, 304, None, None),
        ("GET", {"if-none-match": f"W/{FILE.etag}", "range": "bytes=0-0"}, 304, None, None),
        ("GET", {"if-none-match": '"x"'}, 200, None, "1000"),
    ],
)
def test_status_and_headers(
    method: str, headers: dict[str, str], status: int, extent: str | None, length: str | None
) -> None:
    answer = plan_answer(method, headers, FILE)
    assert answer.status == status
    assert answer.headers.get("content-range") == extent
    assert answer.headers.get("content-length") == length
    assert answer.headers["etag"] == f'"{"0" * 32}-3"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert (answer.body is not None) == (method == "GET" and status in {200, 206})
