"""Generations and documents of a Title's files: one generation never stands for two contents."""

from dataclasses import replace

from titles import declared, film, part, planned, remembered

from streamvault_common.documents import Quality, TitleKind, file_id
from streamvault_operator.domain.title import PlannedFile, adopt, projection_state, stored_file, title_document

FID = file_id("blue-tape", "1080p")


def read(files: list[PlannedFile]) -> list[PlannedFile]:
    return [replace(file, verified=True) for file in files]


def test_a_new_file_gets_the_generation_of_the_title() -> None:
    (file,) = planned(film(generation=4))
    assert (file.fid, file.gen, file.verified, file.renewed) == (FID, 4, False, True)


def test_an_edit_elsewhere_keeps_the_generation_and_the_check() -> None:
    before = read(planned(film()))
    (file,) = planned(film(status=remembered(*before), generation=9, displayName="Blue Tape (restored)"))
    assert (file.gen, file.verified, file.renewed) == (1, True, False)


def test_other_parts_get_a_new_generation_and_are_read_again() -> None:
    before = read(planned(film()))
    changed = film(declared("1080p", part(2)), status=remembered(*before), generation=9)
    (file,) = planned(changed)
    assert (file.gen, file.verified, file.renewed) == (9, False, True)


def test_another_content_type_is_another_content() -> None:
    before = read(planned(film()))
    changed = film(declared("1080p", contentType="video/webm"), status=remembered(*before), generation=2)
    assert planned(changed)[0].gen == 2


def test_a_title_that_was_made_again_does_not_reuse_a_generation() -> None:
    (file,) = planned(film(declared("1080p", part(7)), generation=1), **{FID: 5})
    assert file.gen == 6


def test_a_lost_status_keeps_the_generation_of_unchanged_bytes() -> None:
    known = stored_file("blue-tape", planned(film(generation=3))[0])
    (file,) = planned(film(generation=8), **{FID: 3})
    assert adopt(file, known).gen == 3
    (other,) = planned(film(declared("1080p", part(7)), generation=8), **{FID: 3})
    assert adopt(other, known).gen == 8


def test_a_withdrawn_file_that_is_declared_again_is_not_the_old_one() -> None:
    known = stored_file("blue-tape", planned(film())[0]).model_copy(update={"blocked": True})
    (file,) = planned(film(generation=1), **{FID: 1})
    assert adopt(file, known).gen == 2


def test_parts_become_one_length() -> None:
    (file,) = planned(film(declared("1080p", part(1, 10), part(2, 20), part(3, 5))))
    stored = stored_file("blue-tape", file)
    assert stored.size_bytes == 35
    assert [entry.message_id for entry in stored.parts] == [1, 2, 3]
    assert (stored.kind, stored.quality, stored.content_type) == ("video", Quality.FHD, "video/mp4")


def test_a_title_is_shown_once_every_file_was_read() -> None:
    title = film(declared("1080p"), declared("720p", part(2)))
    files = planned(title)
    assert projection_state(title, files) == "Pending"
    assert projection_state(title, [replace(files[0], verified=True), files[1]]) == "Pending"
    assert projection_state(title, read(files)) == "Published"


def test_a_running_title_stays_while_a_new_file_waits() -> None:
    before = read(planned(film()))
    title = film(declared("1080p"), declared("720p", part(2)), status=remembered(*before), generation=2)
    files = planned(title)
    assert projection_state(title, files) == "Published"
    assert [file.name for file in title_document(title, files, "Published", None).files] == ["1080p"]


def test_unlisted_titles_are_not_published() -> None:
    title = film(state="Unlisted")
    assert projection_state(title, read(planned(title))) == "Unlisted"


def test_a_season_keeps_its_series_and_episodes() -> None:
    files = [declared("s01e01-1080p", episode=1), declared("s01e02-1080p", part(2), episode=2)]
    title = film(*files, kind="Season", series={"id": "night-train", "name": "Night Train", "season": 1})
    document = title_document(title, read(planned(title)), "Published", "2026-11-22T13:00:00Z")
    assert document.kind is TitleKind.SEASON
    assert document.series is not None
    assert document.series.season == 1
    assert [file.episode for file in document.files] == [1, 2]
