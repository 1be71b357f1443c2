"""Workers that answer wrongly: nothing wrong is ever stored, and what was wrong for a moment is right afterwards."""

import pytest
from edge_site import CUT_OFF, Site, read_until_cut
from origin import Faults, File

from streamvault_common.keys import SLICE_BYTES


def break_all(site: Site, **faults: object) -> None:
    """Every worker errs in the same way."""
    for address in site.origin.addresses:
        site.origin.faults[address] = Faults(**faults)  # type: ignore[arg-type]


def require_stored_rightly(site: Site, file: File) -> None:
    """What is served now is right, and right again from the cache."""
    assert site.get(site.play(file)).content == file.content
    again = site.get(site.play(file))
    assert (again.headers["x-cache"], again.content) == ("HIT", file.content)


def test_half_a_slice_is_never_stored(site: Site) -> None:
    file = site.origin.add(SLICE_BYTES)
    for faults in site.origin.faults.values():
        faults.die_after_bytes = SLICE_BYTES // 2
    with site.stream(site.play(file)) as broken:
        read_until_cut(broken)
    site.origin.heal()
    response = site.get(site.play(file))
    assert (response.headers["x-cache"], response.content) == ("MISS", file.content)


def test_worker_that_ignores_ranges_fills_no_slice(site: Site) -> None:
    file = site.origin.add(SLICE_BYTES + 1000)
    for faults in site.origin.faults.values():
        faults.ignore_range = True
    for wanted in ("0-", f"{SLICE_BYTES}-"):
        site.get(site.play(file), wanted)
    site.recover()
    for wanted, content in (("0-9", file.content[:10]), (f"{SLICE_BYTES}-", file.content[SLICE_BYTES:])):
        response = site.get(site.play(file), wanted)
        assert (response.headers["x-cache"], response.content) == ("MISS", content)


def test_another_part_than_asked_is_refused_and_not_stored(site: Site) -> None:
    file = site.origin.add(2 * SLICE_BYTES)
    break_all(site, answer_less=1000)
    with pytest.raises(CUT_OFF):
        site.get(site.play(file))
    site.origin.heal()
    require_stored_rightly(site, file)


@pytest.mark.parametrize("etag", ['"another"', 'W/"another"', " "])
def test_slice_with_a_foreign_validator_is_never_stored(site: Site, etag: str) -> None:
    file = site.origin.add(SLICE_BYTES)
    break_all(site, etag=etag)
    assert [site.get(site.play(file)).headers["x-cache"] for _ in range(2)] == ["MISS", "MISS"]
    site.origin.heal()
    require_stored_rightly(site, file)
    assert site.get(site.play(file)).headers["etag"] == f'"{file.fid}-{file.gen}"'


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_film_is_whole_again_after_one_slice_had_a_foreign_validator(site: Site, wrong: int) -> None:
    file = site.origin.add(3 * SLICE_BYTES)
    break_all(site, etag='"another"')
    site.get(site.play(file), f"{wrong * SLICE_BYTES}-{wrong * SLICE_BYTES + 9}")
    site.origin.heal()
    require_stored_rightly(site, file)


def test_viewer_is_cut_where_the_validator_changes(site: Site) -> None:
    """The bytes before are good; those after it may be another film's."""
    file = site.origin.add(2 * SLICE_BYTES)
    break_all(site, etag='"another"', etag_from_offset=SLICE_BYTES)
    with site.stream(site.play(file)) as response:
        received = read_until_cut(response)
    assert received == file.content[:SLICE_BYTES]
    site.origin.heal()
    require_stored_rightly(site, file)
