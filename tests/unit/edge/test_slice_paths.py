"""Where the agent looks for slices, and what a purge does to the files it finds."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamvault_common.keys import AFFINITY_BYTES, MIB, SLICE_BYTES
from streamvault_edge import slices
from streamvault_edge.slices import Film

FID = "0123456789abcdef0123456789abcdef"
CONFIG = Path(__file__).parents[3] / "images/edge/nginx"


def film(size_bytes: int, slice_bytes: int = SLICE_BYTES) -> Film:
    return Film(FID, 3, size_bytes, slice_bytes)


def write(path: Path, content: bytes = b"slice") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_path_is_the_md5_of_the_key_in_two_levels() -> None:
    digest = hashlib.md5(f"{FID}:3|bytes=0-8388607".encode(), usedforsecurity=False).hexdigest()
    first = next(slices.film_paths(Path("/cache"), film(1)))
    assert first == Path(f"/cache/video/{digest[31]}/{digest[29:31]}/{digest}")


@pytest.mark.parametrize(
    ("size", "count"), [(1, 1), (SLICE_BYTES, 1), (SLICE_BYTES + 1, 2), (20 * 1024**3, 2560), (20 * 1024**3 + 1, 2561)]
)
def test_every_slice_has_one_key(size: int, count: int) -> None:
    keys = list(film(size).slice_keys())
    assert len(keys) == len(set(keys)) == film(size).slice_count == count


@given(size=st.integers(1, 1 << 36), slice_mib=st.integers(1, 64))
def test_keys_cover_every_byte_once(size: int, slice_mib: int) -> None:
    slice_bytes = max(slice_mib << 20, size >> 8)
    ranges = [key.partition("bytes=")[2].split("-") for key in film(size, slice_bytes).slice_keys()]
    starts = [int(first) for first, _ in ranges]
    ends = [int(last) + 1 for _, last in ranges]
    assert starts == [0, *ends[:-1]]
    assert ends[-2:-1] < [size] <= ends[-1:]


def test_slice_size_of_nginx_is_the_agents() -> None:
    assert f"slice {SLICE_BYTES >> 20}m;" in (CONFIG / "film.conf").read_text()
    assert 'proxy_cache_key "$fid:$gen|$slice_range";' in (CONFIG / "film.conf").read_text()
    assert 'proxy_cache_key "asset:$fid";' in (CONFIG / "asset.conf").read_text()


def test_block_of_nginx_is_the_workers() -> None:
    assert f"AFFINITY_BYTES = {AFFINITY_BYTES // MIB} * 1024 * 1024;" in (CONFIG / "home.js").read_text()
    assert AFFINITY_BYTES % SLICE_BYTES == 0, "no slice lies in two blocks"


def test_purge_empties_what_a_viewer_still_holds_open(tmp_path: Path) -> None:
    path = write(next(slices.film_paths(tmp_path, film(1))), b"x" * 100)
    with path.open("rb") as viewer:
        assert slices.purge(tmp_path, film(1)) == slices.Purged(removed=1, remaining=0)
        assert viewer.read() == b""
    assert not path.exists()


def test_purge_spares_other_films_and_generations(tmp_path: Path) -> None:
    others = [Film(FID[::-1], 3, SLICE_BYTES, SLICE_BYTES), Film(FID, 4, SLICE_BYTES, SLICE_BYTES)]
    kept = [write(path) for other in others for path in slices.film_paths(tmp_path, other)]
    for path in slices.film_paths(tmp_path, film(3 * SLICE_BYTES)):
        write(path)
    assert slices.purge(tmp_path, film(3 * SLICE_BYTES)).removed == 3
    assert all(path.read_bytes() == b"slice" for path in kept)


def test_purge_of_an_empty_cache_is_done_at_once(tmp_path: Path) -> None:
    assert slices.purge(tmp_path, film(10 * SLICE_BYTES)) == slices.Purged(removed=0, remaining=0)


def test_presence_counts_slices_and_bytes(tmp_path: Path) -> None:
    first, _, third = slices.film_paths(tmp_path, film(3 * SLICE_BYTES))
    write(first, b"12345")
    write(third, b"678")
    assert slices.presence(tmp_path, film(3 * SLICE_BYTES)) == slices.Presence(present=2, expected=3, bytes=8)
