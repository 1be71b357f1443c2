"""Which answer a request for a stored file gets, before any byte of it is fetched; pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from streamvault_common.documents import StoredFile

from .ranges import ByteRange, RangeNotSatisfiable, matches_etag, parse_range


@dataclass(frozen=True)
class Answer:
    """Status line and headers; `body` is the range of the file to send, None for no body."""

    status: int
    headers: dict[str, str]
    body: ByteRange | None


def plan_answer(method: str, headers: Mapping[str, str], file: StoredFile) -> Answer:
    """Decide by RFC 9110 sections 13.2.2 and 14.2; `headers` by lower-case name, `method` is GET or HEAD."""
    common = {"accept-ranges": "bytes", "etag": file.etag}
    if_none_match = headers.get("if-none-match")
    if if_none_match is not None and matches_etag(if_none_match, file.etag):
        return Answer(304, common, None)
    wanted: ByteRange | None = None
    if "range" in headers and method == "GET" and headers.get("if-range", file.etag).strip() == file.etag:
        try:
            wanted = parse_range(headers["range"], file.size_bytes)
        except RangeNotSatisfiable:
            return Answer(416, common | {"content-range": f"bytes */{file.size_bytes}", "content-length": "0"}, None)
    common["content-type"] = file.content_type
    if wanted is None:
        whole = ByteRange(0, file.size_bytes - 1)
        return Answer(200, common | {"content-length": str(file.size_bytes)}, whole if method == "GET" else None)
    extent = f"bytes {wanted.start}-{wanted.end}/{file.size_bytes}"
    return Answer(206, common | {"content-range": extent, "content-length": str(wanted.length)}, wanted)
