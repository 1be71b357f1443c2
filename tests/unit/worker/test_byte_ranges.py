"""Range and condition headers are understood as RFC 9110 says."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from streamvault_common.documents import Part, StoredFile
from streamvault_common.keys import MIB
from streamvault_worker.stream.answer import plan_answer
from streamvault_worker.stream.pieces import Piece, pieces
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


GENERATED = 100_000
FILES = 50
SEED = 20_261_125
KIB4 = 4096
HUGE = 10**18
REFUSED = ["bytes=0-1,4-5", "bytes=-", "bytes=", "bytes=a-b", "bytes=--1", "bytes=1--", "bytes=0x1-2", "bytes=1-2-3"]


@dataclass(frozen=True)
class Film:
    """A stored file, what each of its messages holds, and the whole."""

    file: StoredFile
    messages: dict[int, bytes]
    content: bytes

    def telegram_answer(self, piece: Piece) -> bytes:
        """What upload.getFile gives, after its rules were checked."""
        assert piece.offset % KIB4 == 0
        assert MIB % piece.limit == 0
        assert piece.limit % KIB4 == 0
        assert piece.offset // MIB == (piece.offset + piece.limit - 1) // MIB
        return self.messages[piece.part.message_id][piece.offset : piece.offset + piece.limit]

    def delivered(self, extent: ByteRange) -> bytes:
        """The bytes of a range, as the worker joins them from its pieces."""
        chunks = []
        for piece in pieces(self.file.parts, extent.start, extent.end):
            answer = self.telegram_answer(piece)
            assert len(answer) == piece.expected_bytes
            chunks.append(answer[piece.skip : piece.skip + piece.take])
        return b"".join(chunks)


def film_of(sizes: list[int], noise: random.Random) -> Film:
    """Parts of these sizes, filled with noise, so that a byte from a wrong place shows."""
    messages = {number: noise.randbytes(size) for number, size in enumerate(sizes, 1)}
    parts = tuple(Part(channel_id=1, message_id=number, size_bytes=len(data)) for number, data in messages.items())
    content = b"".join(messages.values())
    file = FILE.model_copy(update={"parts": parts, "size_bytes": len(content)})
    return Film(file, messages, content)


def films(chance: random.Random) -> list[Film]:
    """One, two and three parts whose ends lie on, beside and between the borders of pieces."""
    border = [1, 2, KIB4 - 1, KIB4, KIB4 + 1, MIB - 1, MIB, MIB + 1, 2 * MIB + 1]
    shapes = [[size] for size in border]
    while len(shapes) < FILES:
        count = chance.choice([1, 2, 3])
        shapes.append([chance.choice([chance.choice(border), chance.randint(1, 2 * MIB)]) for _ in range(count)])
    return [film_of(sizes, chance) for sizes in shapes]


def headers_and_slices(film: Film, chance: random.Random) -> Iterator[tuple[str, bytes | None]]:
    """Endless Range headers with the bytes that plain slicing gives for each; None = no byte, to be refused."""
    content, size = film.content, len(film.content)
    ends = [0]
    for part in film.file.parts:
        ends.append(ends[-1] + part.size_bytes)

    def position() -> int:
        beside = chance.choice(ends) + chance.choice([0, KIB4, MIB]) * chance.randint(-2, 2) + chance.randint(-2, 2)
        somewhere = chance.randint(0, size + MIB)
        return max(0, chance.choice([beside, beside, somewhere, chance.randint(0, 3) * MIB + 1]))

    while True:
        first = position()
        last = first + chance.choice([0, 1, chance.randint(0, 2 * KIB4), chance.randint(0, 64 * 1024)])
        match chance.choices(["closed", "long", "open", "suffix", "past", "backwards", "bad"], [80, 2, 3, 6, 4, 3, 2])[
            0
        ]:
            case "closed":
                yield f"bytes={first}-{last}", content[first : last + 1] or None
            case "long":
                first, last = sorted((first, position()))
                yield f"bytes={first}-{last}", content[first : last + 1] or None
            case "open":
                yield f"bytes={first}-", content[first:] or None
            case "suffix":
                count = chance.choice([0, 1, 2, KIB4, chance.randint(0, 64 * 1024), size - 1, size, size + 1, HUGE])
                yield f"bytes=-{count}", content[max(size - count, 0) :] or None
            case "past":
                yield f"bytes={first}-{HUGE}", content[first:] or None
            case "backwards":
                yield f"bytes={last + 1}-{first}", None
            case "bad":
                yield chance.choice(REFUSED), None


def test_every_generated_range_delivers_what_slicing_gives() -> None:
    chance = random.Random(SEED)
    counted = {206: 0, 416: 0}
    for film in films(chance):
        size = film.file.size_bytes
        for _, (header, due) in zip(range(GENERATED // FILES), headers_and_slices(film, chance), strict=False):
            case = f"seed {SEED}: {header} of parts {[part.size_bytes for part in film.file.parts]}"
            answer = plan_answer("GET", {"range": header}, film.file)
            counted[answer.status] += 1
            if due is None:
                assert (answer.status, answer.body) == (416, None), case
                assert answer.headers["content-range"] == f"bytes */{size}", case
                continue
            assert answer.status == 206, case
            assert answer.body is not None, case
            assert answer.headers["content-length"] == str(len(due)), case
            extent = answer.headers["content-range"]
            assert extent == f"bytes {answer.body.start}-{answer.body.start + len(due) - 1}/{size}", case
            assert film.delivered(answer.body) == due, case
    assert sum(counted.values()) == GENERATED
    assert min(counted.values()) > GENERATED // 20


def test_whole_file_is_delivered_without_a_range() -> None:
    for film in films(random.Random(SEED)):
        answer = plan_answer("GET", {}, film.file)
        assert answer.body is not None
        assert film.delivered(answer.body) == film.content
