"""What a viewer gets is what was uploaded, and the second viewer costs Telegram nothing."""

import hashlib
from pathlib import Path

import pytest
from sandbox_control import getfile_calls, getfile_calls_at_rest
from site_under_test import Site

from demo import films
from demo.catalogue import TITLES

pytestmark = pytest.mark.cluster
SLICE = 8 * 1024 * 1024


def original(title_id: str, quality: str, episode: int | None = None) -> Path:
    title = next(title for title in TITLES if title.id == title_id)
    reel = next(reel for reel in title.reels if reel.episode == episode)
    bucket = next(bucket for bucket in reel.buckets if bucket.quality == quality)
    return films.make(reel, bucket, films.cache_folder())


@pytest.mark.parametrize(
    ("title", "quality", "episode"),
    [("aurora-drift", "2160p", None), ("glass-harbour", "720p", None), ("night-signals-s1", "1080p", 3)],
    ids=["three parts", "one part", "an episode"],
)
def test_a_whole_download_equals_the_original(site: Site, title: str, quality: str, episode: int | None) -> None:
    content = original(title, quality, episode).read_bytes()
    source = site.source(title, quality, episode)
    assert source["sizeBytes"] == len(content)
    assert site.sha256(source["downloadUrl"]) == (hashlib.sha256(content).hexdigest(), len(content))


def test_a_download_is_offered_under_a_name_that_a_person_can_read(site: Site) -> None:
    answer = site.read(site.source("glass-harbour", "720p")["downloadUrl"], "bytes=0-0")
    assert "attachment" in answer.headers["content-disposition"]
    assert "Glass" in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("byte_range", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=-1000", -1000, None),
        (f"bytes={SLICE - 5}-{SLICE + 4}", SLICE - 5, SLICE + 5),
        ("bytes=1048576-1048576", 1048576, 1048577),
        ("bytes=12345678-", 12345678, None),
    ],
)
def test_every_kind_of_range_is_exact(site: Site, byte_range: str, start: int, end: int | None) -> None:
    content = original("aurora-drift", "720p").read_bytes()
    answer = site.read(site.source("aurora-drift", "720p")["url"], byte_range)
    assert answer.status_code == 206
    assert answer.content == content[start:end]


def test_ranges_across_the_border_of_two_stored_parts_are_exact(site: Site) -> None:
    content = original("aurora-drift", "2160p").read_bytes()
    border = len(content) // 3 + 12_345
    url = site.source("aurora-drift", "2160p")["url"]
    for start, end in ((border - 1, border), (border - 700_000, border + 700_000), (2 * border - 3, 2 * border + 3)):
        answer = site.read(url, f"bytes={start}-{end}")
        assert answer.content == content[start : end + 1]


def test_the_second_viewer_is_served_from_the_cache(site: Site) -> None:
    source = site.source("glass-harbour", "1080p")
    first = site.read(source["url"], f"bytes={SLICE}-{2 * SLICE - 1}")

    def calls_for_another_viewer() -> int:
        before = getfile_calls_at_rest()
        second = site.read(site.source("glass-harbour", "1080p")["url"], f"bytes={SLICE}-{2 * SLICE - 1}")
        assert second.content == first.content
        assert second.headers["x-cache"] == "HIT"
        return getfile_calls() - before

    # Who reads ahead of somebody else may have rested for a moment only.
    assert any(calls_for_another_viewer() == 0 for _ in range(3))


def test_subtitles_and_posters_are_served(site: Site) -> None:
    grant = site.grant("aurora-drift")
    assert {track["language"] for track in grant["tracks"]} == {"en", "de"}
    track = site.http.get(grant["tracks"][0]["url"])
    assert track.text.startswith("WEBVTT")
    assert track.headers["content-type"].startswith("text/vtt")
    page = site.http.get("/api/titles/aurora-drift").json()
    assert {(poster["width"], poster["format"]) for poster in page["posters"]} == {
        (width, encoding) for width in (200, 400, 800) for encoding in ("avif", "webp")
    }
    for poster in page["posters"]:
        answer = site.http.get(poster["url"])
        assert answer.headers["content-type"] == f"image/{poster['format']}"
        assert len(answer.content) > 1_000
