"""Workers that are busy, broken or gone: what viewers notice."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from edge_site import CUT_OFF, Site, read_until_cut, wait_until
from origin import File

from streamvault_common.keys import SLICE_BYTES

STALL_SECONDS = 1.5
OUTPUT_BUFFER_BYTES = 64 * 1024
"""What nginx has not yet given to the socket when it cuts a viewer is lost to him."""


def watch_all(site: Site, films: list[File]) -> list[bool]:
    """Each film watched by three viewers at once; which of them got every byte."""
    viewers = [(film, site.play(film, user=f"u{number}")) for film in films for number in range(3)]
    with ThreadPoolExecutor(len(viewers)) as crowd:
        answers = crowd.map(lambda viewer: site.get(viewer[1]), viewers)
        return [answer.content == film.content for (film, _), answer in zip(viewers, answers, strict=True)]


@pytest.mark.parametrize("status", [429, 503])
def test_busy_worker_breaks_no_stream(site: Site, status: int) -> None:
    films = [site.film_at(worker, SLICE_BYTES + 100) for worker in site.origin.addresses]
    site.origin.faults["127.0.1.1"].busy = status
    assert all(watch_all(site, films))
    assert "127.0.1.1" in {asked.worker for film in films for asked in site.origin.requests(film)}


def test_killed_worker_breaks_no_stream_that_it_does_not_serve(site: Site) -> None:
    films = [site.film_at(worker, SLICE_BYTES + 100) for worker in site.origin.addresses]
    site.origin.strike_down("127.0.1.2")
    assert all(watch_all(site, films))


def test_vanished_worker_is_given_up_before_a_viewer_stalls(site: Site) -> None:
    """Nobody answers at its address, not even with a reset, as when a node loses its power."""
    film = site.film_at("127.0.1.2", SLICE_BYTES + 100)
    site.origin.vanish("127.0.1.2")

    def tried_and_given_up() -> bool:
        film.gen += 1
        response = site.get(site.play(film))
        assert response.content == film.content
        request_id = response.headers["x-request-id"]
        wait_until(lambda: request_id in site.nginx.access_log.read_text(), "the request is logged")
        entry = next(entry for entry in site.nginx.log_entries() if entry["request_id"] == request_id)
        tried, seconds = (str(entry[field]).split(", ")[0] for field in ("upstream", "upstream_seconds"))
        return tried == f"127.0.1.2:{site.origin.port}" and float(seconds) < STALL_SECONDS

    wait_until(tried_and_given_up, f"the vanished worker is given up within {STALL_SECONDS} s")


def test_viewer_of_a_killed_worker_resumes_with_another(site: Site) -> None:
    file = site.origin.add(SLICE_BYTES)
    for faults in site.origin.faults.values():
        faults.hold_after_bytes = SLICE_BYTES // 2
    site.origin.release_held.clear()

    def kill_the_server(received: int) -> None:
        serving = site.origin.requests(file)[0].worker
        if received > SLICE_BYTES // 4 and serving in site.origin.listening:
            site.origin.strike_down(serving)
            site.origin.release_held.set()

    with site.stream(site.play(file)) as response:
        received = read_until_cut(response, kill_the_server)
    assert received == file.content[: len(received)]
    rest = site.get(site.play(file), f"{len(received)}-")
    assert received + rest.content == file.content


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_slice_that_is_broken_off_cuts_its_viewer_wherever_in_the_film_it_is(site: Site, broken: int) -> None:
    """nginx itself would send the next slice behind it, or wait for ever for the rest of the last one."""
    file = site.origin.add(3 * SLICE_BYTES)
    before, half = broken * SLICE_BYTES, SLICE_BYTES // 2
    if broken:
        site.get(site.play(file), f"0-{before - 1}")
    for faults in site.origin.faults.values():
        faults.die_after_bytes = half
    with site.stream(site.play(file)) as response:
        received = read_until_cut(response)
    assert before - OUTPUT_BUFFER_BYTES <= len(received) <= before + half
    assert received == file.content[: len(received)]
    for faults in site.origin.faults.values():
        faults.die_after_bytes = None
    wait_until(
        lambda: site.get(site.play(file), f"{len(received)}-").content == file.content[len(received) :],
        "the viewer gets the rest",
    )


@pytest.mark.parametrize("short", [0, 1, 2])
def test_slice_that_is_too_short_in_the_cache_is_never_taken_for_whole(site: Site, short: int) -> None:
    """As after a loss of power; nginx itself sends what there is, and the next slice behind it."""
    file = site.origin.add(3 * SLICE_BYTES)
    seen = set(site.nginx.cached())
    for number in range(3):
        start = number * SLICE_BYTES
        assert site.get(site.play(file), f"{start}-{start + SLICE_BYTES - 1}").status_code == 206
        wait_until(lambda: len(set(site.nginx.cached()) - seen) == 1, "the slice is stored")
        [stored] = set(site.nginx.cached()) - seen
        seen.add(stored)
        if number == short:
            os.truncate(stored, SLICE_BYTES // 2)
    received = b""
    with suppress(*CUT_OFF), site.stream(site.play(file)) as response:  # the first slice is not even begun
        received = read_until_cut(response)
    assert received == file.content[: len(received)]
    assert len(received) < (short + 1) * SLICE_BYTES
    assert site.get(site.play(file)).content == file.content, "it was fetched again"


def test_every_worker_busy_is_503_with_a_time_to_retry(site: Site) -> None:
    file = site.origin.add(1000)
    for faults in site.origin.faults.values():
        faults.busy = 429
    for _ in range(3):
        response = site.get(site.play(file))
        assert response.status_code == 503
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["retry-after"] == "5"
        assert response.json()["requestId"] == response.headers["x-request-id"]
    site.origin.heal()
    wait_until(lambda: site.get(site.play(file)).content == file.content, "the workers are asked again")


def test_no_worker_at_all_is_503(site: Site) -> None:
    file = site.origin.add(1000)
    for address in site.origin.addresses:
        site.origin.strike_down(address)
    assert site.get(site.play(file)).status_code == 503
    site.origin.heal()
    wait_until(lambda: site.get(site.play(file)).content == file.content, "the workers are asked again")


def test_cached_film_plays_without_any_worker(site: Site) -> None:
    file = site.origin.add(SLICE_BYTES + 10)
    site.get(site.play(file))
    for address in site.origin.addresses:
        site.origin.strike_down(address)
    assert site.get(site.play(file)).content == file.content


@pytest.mark.parametrize("start", [0, SLICE_BYTES - 10])
def test_failure_after_the_first_slice_breaks_the_connection(site: Site, start: int) -> None:
    """A status line cannot be taken back: neither a short clean body nor an error text inside the film."""
    file = site.origin.add(3 * SLICE_BYTES)
    for faults in site.origin.faults.values():
        faults.break_from_offset = SLICE_BYTES
    site.origin.release_breaks.clear()

    def go_on_when_all_has_come(received: int) -> None:
        if received >= SLICE_BYTES - start:
            site.origin.release_breaks.set()

    with site.stream(site.play(file), f"{start}-") as response:
        received = read_until_cut(response, go_on_when_all_has_come)
    assert received == file.content[start:SLICE_BYTES], "all that was good, and nothing else"
    site.recover()
    assert site.get(site.play(file)).content == file.content


def test_taken_down_at_the_workers_cuts_at_the_next_slice(site: Site) -> None:
    file = site.origin.add(6 * SLICE_BYTES)

    def take_down(received: int) -> None:
        file.gone = True

    with site.stream(site.play(file)) as response:
        received = read_until_cut(response, take_down)
    assert len(received) < len(file.content)
    assert site.get(site.play(file), f"{5 * SLICE_BYTES}-").status_code == 410
