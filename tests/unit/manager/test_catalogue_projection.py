"""What the website is told of a title, made of the two documents that describe it."""

from catalogue_samples import film, season

from streamvault_common.documents import DetailsDocument, Episode, Image, Quality, Subtitle
from streamvault_manager.services.projection import card, page

FID = "0" * 32


def picture(role: str, width: int, episode: int | None = None) -> Image:
    return Image(fid=f"{width:032x}", role=role, width=width, height=width, format="webp", episode=episode)


def test_qualities_and_files_are_told_best_first_whatever_their_declared_order() -> None:
    title = film("aurora", qualities=(Quality.SD, Quality.UHD, Quality.HD, Quality.FHD))

    shown = page(title, DetailsDocument(id="aurora"))

    best_first = [Quality.UHD, Quality.FHD, Quality.HD, Quality.SD]
    assert list(shown.qualities) == best_first
    assert [file.quality for file in shown.files] == best_first


def test_a_season_tells_its_files_by_episode_in_order() -> None:
    details = DetailsDocument(id="night-s1", episodes=(Episode(number=2, name="Two"), Episode(number=9, name="Later")))

    shown = page(season("night-s1", episodes=3), details)

    assert shown.files == ()
    assert [(episode.number, episode.name) for episode in shown.episodes] == [(1, ""), (2, "Two"), (3, "")]
    assert [file.quality for file in shown.episodes[0].files] == [Quality.FHD, Quality.HD]
    assert shown.series is not None
    assert shown.series.season == 1


def test_pictures_stand_where_they_belong_and_lead_to_the_edge() -> None:
    images = (picture("poster", 200), picture("backdrop", 960), picture("still", 320, episode=1))

    shown = page(season("night-s1", episodes=1), DetailsDocument(id="night-s1", images=images))

    assert [image.url for image in shown.posters] == [f"/i/{200:032x}"]
    assert [image.role for image in shown.images] == ["poster", "backdrop"]
    assert [image.width for image in shown.episodes[0].stills] == [320]


def test_codecs_and_languages_reach_the_page_once() -> None:
    tracks = tuple(
        Subtitle(fid=FID, language=language, label=language, episode=number)
        for number in (1, 2)
        for language in ("de", "en")
    )
    details = DetailsDocument(id="night-s1", subtitles=tracks, codecs={"s01e01-720p": "avc1.640028"})

    shown = page(season("night-s1", episodes=2), details)

    assert shown.subtitle_languages == ("de", "en")
    assert [file.codecs for file in shown.episodes[0].files] == [None, "avc1.640028"]


def test_the_wire_form_is_camel_case_and_holds_no_address_of_a_video() -> None:
    title = film("aurora")

    text = page(title, DetailsDocument(id="aurora")).model_dump_json()

    assert '"displayName":"Aurora"' in text
    assert '"publishedAt"' in text
    assert title.files[0].fid not in text


def test_a_card_without_details_has_a_colour_and_no_pictures() -> None:
    shown = card(film("aurora"), DetailsDocument(id="aurora"))

    assert shown.color.startswith("#")
    assert shown.posters == ()
