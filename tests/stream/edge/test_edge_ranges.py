"""What a player or a download gets: the right bytes for every kind of range."""

import hashlib
import random

import httpx
import pytest
from edge_site import Site
from origin import File

from streamvault_common.keys import SLICE_BYTES

SIZE = 2 * SLICE_BYTES + 4321


@pytest.fixture(scope="module")
def film(running_site: Site) -> File:
    """A film of two slices and a bit."""
    return running_site.origin.add(SIZE)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("0-0", 0, 0),
        ("0-", 0, SIZE - 1),
        ("-1", SIZE - 1, SIZE - 1),
        ("-500", SIZE - 500, SIZE - 1),
        (f"-{SIZE + 5}", 0, SIZE - 1),
        ("1000000-", 1000000, SIZE - 1),
        (f"{SIZE - 1}-", SIZE - 1, SIZE - 1),
        (f"{SIZE - 1}-{SIZE + 100}", SIZE - 1, SIZE - 1),
        (f"{SLICE_BYTES - 1}-{SLICE_BYTES}", SLICE_BYTES - 1, SLICE_BYTES),
        (f"{SLICE_BYTES}-{2 * SLICE_BYTES - 1}", SLICE_BYTES, 2 * SLICE_BYTES - 1),
        (f"{2 * SLICE_BYTES}-99999999999", 2 * SLICE_BYTES, SIZE - 1),
        (f"{SLICE_BYTES - 7}-{2 * SLICE_BYTES + 7}", SLICE_BYTES - 7, 2 * SLICE_BYTES + 7),
    ],
)
def test_range_is_exact(site: Site, film: File, text: str, start: int, end: int) -> None:
    response = site.get(site.play(film), text)
    assert response.status_code == 206
    assert response.headers["content-range"] == f"bytes {start}-{end}/{SIZE}"
    assert response.headers["content-length"] == str(end - start + 1)
    assert response.headers["etag"] == f'"{film.fid}-1"'
    assert response.content == film.content[start : end + 1]


def test_whole_film_equals_the_original(site: Site, film: File) -> None:
    response = site.get(site.play(film))
    assert response.status_code == 200
    assert response.headers["content-length"] == str(SIZE)
    assert response.headers["accept-ranges"] == "bytes"
    assert hashlib.sha256(response.content).digest() == hashlib.sha256(film.content).digest()


def test_film_of_exactly_one_slice(site: Site) -> None:
    file = site.origin.add(SLICE_BYTES)
    assert site.get(site.play(file)).content == file.content
    assert site.get(site.play(file), f"{SLICE_BYTES - 1}-").content == file.content[-1:]


def test_several_ranges_are_refused(site: Site, film: File) -> None:
    before = len(site.origin.requests(film))
    response = site.get(site.play(film), "0-1,5-6")
    assert response.status_code == 416
    assert response.headers["content-type"] == "application/problem+json"
    assert len(site.origin.requests(film)) == before


@pytest.mark.parametrize("start", [SIZE, SIZE + 10, 3 * SLICE_BYTES, 10**15])
def test_range_beyond_the_end_is_416_with_the_size(site: Site, film: File, start: int) -> None:
    response = site.get(site.play(film), f"{start}-")
    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{SIZE}"
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "nonsense", ["a-b", "5-2", "-", "", "0-x", "--5", "0x0-5", "-0", f"{2**64}-", f"0-{2**70}", "5"]
)
def test_nonsense_range_never_breaks_the_bytes(site: Site, film: File, nonsense: str) -> None:
    """RFC 9110 14.2: an invalid Range is ignored or refused, never answered with a wrong part."""
    response = site.get(site.play(film), nonsense)
    assert response.status_code in {200, 416}
    assert response.status_code == 416 or response.content == film.content


@pytest.mark.parametrize(
    "header", ["items=0-4", "bytes 0-4", "0-4", "bytes=0-4;", "BYTES=0-4", "bytes= 0-4", "bytes=0 - 4", "bytes=00-04"]
)
def test_range_in_odd_writing_is_ignored_refused_or_right(site: Site, film: File, header: str) -> None:
    response = site.client.get(site.nginx.url + site.play(film), headers={"Range": header})
    right = {206: film.content[:5], 200: film.content}
    assert response.status_code == 416 or response.content == right[response.status_code]


def test_two_thousand_ranges_are_right(site: Site, film: File) -> None:
    """Where a slice begins or ends, and the film does, is where bytes get lost: most ranges begin or end there."""
    chance = random.Random(5)
    edges = [0, SLICE_BYTES, 2 * SLICE_BYTES, SIZE]

    def place() -> int:
        near = chance.choice(edges) + chance.randint(-70_000, 70_000)
        return min(SIZE - 1, max(0, near if chance.random() < 0.8 else chance.randrange(SIZE)))

    path = site.nginx.url + site.play(film)
    with httpx.Client(timeout=60) as viewer:
        for _ in range(2000):
            start = place()
            end = min(SIZE - 1, start + chance.choice([0, 1, 100, 65_535, 300_000]))
            text = chance.choice(
                [f"{start}-{end}"] * 6 + [f"{max(start, SIZE - 300_000)}-", f"-{chance.randint(1, 300_000)}"]
            )
            response = viewer.get(path, headers={"Range": f"bytes={text}"})
            first, _, last = text.partition("-")
            expected = film.content[int(first) : int(last or SIZE) + 1] if first else film.content[-int(last) :]
            assert (response.status_code, response.content == expected) == (206, True), text


def test_head_of_a_cold_film_costs_one_slice(site: Site) -> None:
    file = site.origin.add(3 * SLICE_BYTES)
    response = site.client.head(site.nginx.url + site.play(file), headers={"Range": f"bytes={2 * SLICE_BYTES}-"})
    assert (response.status_code, response.headers["content-length"], response.content) == (206, str(SLICE_BYTES), b"")
    assert len(site.origin.requests(file)) == 1


def test_range_beyond_the_end_is_not_remembered(site: Site) -> None:
    file = site.origin.add(100)
    assert [site.get(site.play(file), f"{SLICE_BYTES}-").status_code for _ in range(2)] == [416, 416]
    file.content += bytes(SLICE_BYTES)
    assert site.get(site.play(file), f"{SLICE_BYTES}-").status_code == 206


def test_head_tells_the_size(site: Site, film: File) -> None:
    response = site.client.head(site.nginx.url + site.play(film))
    assert (response.status_code, response.headers["content-length"], response.content) == (200, str(SIZE), b"")


def test_resume_with_the_right_validator_continues(site: Site, film: File) -> None:
    response = site.get(site.play(film), "9000000-", **{"If-Range": f'"{film.fid}-1"'})
    assert (response.status_code, response.content) == (206, film.content[9000000:])


def test_resume_with_a_stale_validator_starts_over(site: Site, film: File) -> None:
    response = site.get(site.play(film), "9000000-", **{"If-Range": '"older"'})
    assert (response.status_code, response.content) == (200, film.content)


def test_unchanged_film_is_304(site: Site, film: File) -> None:
    assert site.get(site.play(film), **{"If-None-Match": f'"{film.fid}-1"'}).status_code == 304


def test_only_get_and_head(site: Site, film: File) -> None:
    response = site.client.post(site.nginx.url + site.play(film), content=b"x")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


def test_unknown_film_is_404(site: Site) -> None:
    file = File(b"never stored")
    response = site.get(site.play(file))
    assert response.status_code == 404
    assert response.json()["title"] == "Not found"
    assert "worker" not in response.text


@pytest.mark.parametrize(
    ("name", "plain", "encoded"),
    [
        ("Big Film (2024) 1080p.mp4", "Big Film (2024) 1080p.mp4", "Big%20Film%20%282024%29%201080p.mp4"),
        ("Schöne – 映画.mp4", "Sch_ne _ __.mp4", "Sch%C3%B6ne%20%E2%80%93%20%E6%98%A0%E7%94%BB.mp4"),
        ('a"b\\c;d%41.mp4', "a_b_c;d_41.mp4", "a%22b%5Cc%3Bd%2541.mp4"),
        ("evil\r\nSet-Cookie: x=1.mp4", "evilSet-Cookie: x=1.mp4", "evilSet-Cookie%3A%20x%3D1.mp4"),
        ("\u202egnp.exe", "gnp.exe", "gnp.exe"),
    ],
)  # fmt: skip
def test_download_is_named(site: Site, film: File, name: str, plain: str, encoded: str) -> None:
    response = site.get(site.download(film, name), "0-9")
    assert response.content == film.content[:10]
    disposition = response.headers["content-disposition"]
    assert disposition == f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
    assert "set-cookie" not in response.headers


def test_playing_is_not_a_download(site: Site, film: File) -> None:
    film.headers["Content-Disposition"] = "attachment; filename=x"
    assert "content-disposition" not in site.get(site.play(film), "0-1").headers


def test_download_with_a_path_in_its_name_is_refused(site: Site, film: File) -> None:
    assert site.get(site.download(film, "a/b.mp4")).status_code == 403
