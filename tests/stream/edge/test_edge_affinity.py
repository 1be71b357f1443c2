"""Which worker a slice is asked from: always the same one for a block of a film, so that reading ahead pays."""

from edge_site import DOMAIN, Site, wait_until
from origin import File

from streamvault_common.keys import AFFINITY_BYTES, SLICE_BYTES


def workers_of(site: Site, file: File) -> list[str]:
    """The workers that were asked for a file, in order."""
    return [asked.worker for asked in site.origin.requests(file)]


def homes_of(site: Site, films: list[File]) -> dict[str, str]:
    """The worker that is asked first for each film; every call asks for a generation that is not cached."""
    homes = {}
    for film in films:
        site.origin.forget(film)
        film.gen += 1
        site.get(site.play(film))
        homes[film.fid] = workers_of(site, film)[0]
    return homes


def test_slices_of_a_block_come_from_one_worker(site: Site) -> None:
    for _ in range(4):
        film = site.origin.add(4 * SLICE_BYTES)
        site.get(site.play(film))
        assert len(workers_of(site, film)) == 4
        assert len(set(workers_of(site, film))) == 1


def test_slices_of_one_request_go_each_to_its_own_block(site: Site) -> None:
    """Slices are subrequests that share the request's variables: a kept home would be the first slice's for all."""

    def checked_with_two_homes() -> bool:
        film = File(bytes(AFFINITY_BYTES + SLICE_BYTES))
        site.origin.files[film.fid] = film
        for start in (0, AFFINITY_BYTES):
            site.get(site.play(film), f"{start}-{start}")
        homes = workers_of(site, film)
        site.origin.forget(film)
        film.gen = 2
        site.get(site.play(film), f"{AFFINITY_BYTES - 1}-{AFFINITY_BYTES}")
        assert workers_of(site, film) == homes
        del site.origin.files[film.fid]
        return homes[0] != homes[1]

    wait_until(checked_with_two_homes, "a film whose two blocks live at different workers")


def test_work_is_spread_over_the_workers(site: Site) -> None:
    homes = list(homes_of(site, [site.origin.add(1000) for _ in range(90)]).values())
    assert min(homes.count(address) for address in site.origin.addresses) >= 10, "a fair share is 30"


def test_blocks_stay_at_their_worker_when_another_pod_goes_or_comes(site: Site) -> None:
    films = [site.origin.add(100) for _ in range(30)]
    before = homes_of(site, films)
    name = f"workers.{DOMAIN}"
    site.names.records[name] = ["127.0.1.1", "127.0.1.3"]
    wait_until(lambda: "127.0.1.2" not in homes_of(site, films).values(), "the removed pod is asked no more")
    without = homes_of(site, films)
    assert all(without[fid] == home for fid, home in before.items() if home != "127.0.1.2")
    site.names.records[name] = ["127.0.1.2", "127.0.1.3", "127.0.1.1"]
    wait_until(lambda: "127.0.1.2" in homes_of(site, films).values(), "the new pod is asked")
    assert homes_of(site, films) == before


def test_image_is_asked_from_the_worker_of_its_file(site: Site) -> None:
    missing = [File(b"never stored", content_type="image/webp") for _ in range(20)]
    for image in missing:
        for _ in range(3):
            site.get(site.image(image))
        assert len(workers_of(site, image)) == 3, "nothing is kept of an image that is not there"
        assert len(set(workers_of(site, image))) == 1
    assert len({workers_of(site, image)[0] for image in missing}) > 1
