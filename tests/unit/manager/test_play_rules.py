"""Which episode goes with which kind, and what a downloaded film is called."""

import pytest
from catalogue_samples import film, season

from streamvault_common.documents import TitleKind
from streamvault_common.signing import USER_PATTERN
from streamvault_manager.services.errors import EpisodeNeeded
from streamvault_manager.services.grants import Viewer, download_name, require_fitting_episode


def test_a_season_is_played_by_episode_and_a_film_as_a_whole() -> None:
    require_fitting_episode(TitleKind.MOVIE, None)
    require_fitting_episode(TitleKind.SEASON, 1)
    with pytest.raises(EpisodeNeeded, match="required"):
        require_fitting_episode(TitleKind.SEASON, None)
    with pytest.raises(EpisodeNeeded, match="film"):
        require_fitting_episode(TitleKind.MOVIE, 1)


@pytest.mark.parametrize(
    ("display_name", "expected"),
    [
        ("Aurora Drift", "Aurora.Drift.2026.2160p.mp4"),
        ("../../etc/passwd", "etc.passwd.2026.2160p.mp4"),
        ('a"b\r\nc', "a.b.c.2026.2160p.mp4"),
        ("Léon – 東京", "Léon.東京.2026.2160p.mp4"),
        ("?", "2026.2160p.mp4"),
        ("x" * 300, f"{'x' * 100}.2026.2160p.mp4"),
    ],
)
def test_a_download_has_a_name_that_every_disk_takes(display_name: str, expected: str) -> None:
    title = film("aurora", display_name=display_name)

    assert download_name(title, title.files[-1], "video/mp4") == expected


def test_an_episode_is_named_by_series_season_and_number() -> None:
    title = season("night-s1", episodes=1)

    assert download_name(title, title.files[0], "video/webm") == "Night.S01E01.720p.webm"


def test_guests_get_a_new_user_each_time_that_a_link_can_carry() -> None:
    first, second = Viewer.anonymous(), Viewer.anonymous()

    assert first.user != second.user
    assert USER_PATTERN.match(first.user)
