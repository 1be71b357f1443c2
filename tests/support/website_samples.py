"""A sample library for the website alone: drawn posters, short films whose picture tells the second, subtitles."""

import math
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from streamvault_common.api import CastMember, EpisodeInfo, FileInfo, Picture, SeriesRef, TitlePage
from streamvault_common.documents import Quality, TitleKind, asset_id, file_id

CACHE = Path(__file__).resolve().parents[2] / "build" / "cache" / "website-samples-3"
FILM_SECONDS = 60
MARK_SIZE = 32
MARK_STEP = 3
WIDTHS = (200, 400, 800)
FORMATS = ("avif", "webp", "jpeg")
# Small pictures under large names: the website only sees the name, a test tells the files apart by their width.
FRAMES = {Quality.UHD: (960, 540), Quality.FHD: (640, 360), Quality.HD: (320, 180)}
CODECS = "avc1.64001f, mp4a.40.2"
SUBTITLES = {"en": ("English", "Second number {second}"), "de": ("Deutsch", "Sekunde Nummer {second}")}


@dataclass(frozen=True)
class Sample:
    """What distinguishes one title of the library."""

    id: str
    name: str
    year: int
    hue: int
    genres: tuple[str, ...]
    plot: str
    qualities: tuple[Quality, ...] = (Quality.UHD, Quality.FHD, Quality.HD)
    series: SeriesRef | None = None


_PLOTS = (
    "A lighthouse keeper finds that the light he tends has been answering another one, where no coast should be.",
    "Two cartographers map a valley that is never the same in the morning, and fall out over which of them it follows.",
    "The last night train before the summer timetable carries nine passengers and one suitcase that nobody brought.",
    "An orchard, a drought and a promise: three sisters keep a family farm alive through one long, golden year.",
)
MOVIES = tuple(
    Sample(f"{name.lower().replace(' ', '-')}-{year}", name, year, hue, genres, _PLOTS[index % len(_PLOTS)], qualities)
    for index, (name, year, hue, genres, qualities) in enumerate(
        (
            ("Northern Light", 2026, 248, ("Drama", "Mystery"), (Quality.UHD, Quality.FHD, Quality.HD)),
            ("The Valley Map", 2025, 162, ("Adventure",), (Quality.FHD, Quality.HD)),
            ("Night Train", 2024, 216, ("Thriller",), (Quality.UHD, Quality.FHD, Quality.HD)),
            ("Three Sisters Orchard", 2023, 34, ("Drama",), (Quality.FHD, Quality.HD)),
            ("Salt and Cedar", 2026, 12, ("Romance",), (Quality.UHD, Quality.FHD)),
            ("Low Orbit", 2025, 268, ("Science fiction",), (Quality.UHD, Quality.FHD, Quality.HD)),
            ("The Glass Harbour", 2022, 190, ("Crime",), (Quality.HD,)),
            ("Copper Season", 2024, 24, ("Western",), (Quality.FHD, Quality.HD)),
            ("Paper Moons", 2021, 320, ("Family",), (Quality.FHD, Quality.HD)),
            ("Quiet Engines", 2026, 204, ("Documentary",), (Quality.UHD, Quality.FHD)),
        )
    )
)
SEASONS = tuple(
    Sample(
        f"{series.replace(' ', '-').lower()}-s{number}",
        f"{series}: Season {number}",
        year,
        hue,
        ("Drama",),
        _PLOTS[number % len(_PLOTS)],
        (Quality.FHD, Quality.HD),
        SeriesRef(id=series.replace(" ", "-").lower(), name=series, season=number),
    )
    for series, number, year, hue in (
        ("Harbour Street", 1, 2025, 176),
        ("Harbour Street", 2, 2026, 196),
        ("The Archive", 1, 2024, 282),
        ("Wild Meridian", 1, 2026, 96),
    )
)
SAMPLES = (*MOVIES[:1], *SEASONS[:1], *MOVIES[1:], *SEASONS[1:])
EPISODE_NAMES = ("Arrivals", "The Long Pier", "Low Water", "What the Gulls Saw")


def title_page(sample: Sample) -> TitlePage:
    """The sample as the manager answers it."""
    posters = pictures(sample.id, "poster", (2, 3))
    season = sample.series is not None
    files = tuple(_file(sample.id, quality, None) for quality in sample.qualities)
    episodes = tuple(
        EpisodeInfo(
            number=number,
            name=name,
            plot=f"Episode {number}: {_PLOTS[number % len(_PLOTS)]}",
            runtime_seconds=FILM_SECONDS,
            stills=(),
            files=tuple(_file(sample.id, quality, number) for quality in sample.qualities),
        )
        for number, name in enumerate(EPISODE_NAMES, start=1)
    )
    return TitlePage(
        id=sample.id,
        kind=TitleKind.SEASON if season else TitleKind.MOVIE,
        display_name=sample.name,
        year=sample.year,
        series=sample.series,
        qualities=sample.qualities,
        color=tone(sample.hue),
        posters=posters,
        published_at="2026-01-01T00:00:00Z",
        tagline="" if season else "Some lights are meant to be followed.",
        plot=sample.plot,
        genres=sample.genres,
        cast=tuple(
            CastMember(name=name, role=role)
            for name, role in (("Ada Lindqvist", "Mara"), ("Tomas Okafor", "The Keeper"), ("Ines Ferreira", "Director"))
        ),
        runtime_seconds=None if season else 96 * 60,
        images=posters,
        files=() if season else files,
        episodes=episodes if season else (),
        subtitle_languages=tuple(SUBTITLES),
    )


def _file(title_id: str, quality: Quality, episode: int | None) -> FileInfo:
    prefix = "" if episode is None else f"s01e{episode:02d}-"
    return FileInfo(
        name=f"{prefix}{quality}",
        quality=quality,
        episode=episode,
        size_bytes=film(quality).stat().st_size * 1000,
        codecs=CODECS,
    )


def fid_of(title_id: str, quality: Quality, episode: int | None) -> str:
    return file_id(title_id, _file(title_id, quality, episode).name)


def pictures(
    title_id: str, role: str, ratio: tuple[int, int], formats: tuple[str, ...] = ("avif", "webp")
) -> tuple[Picture, ...]:
    """The renditions of a picture."""
    return tuple(
        Picture(
            url=f"/i/{asset_id(title_id, f'{role}-{width}.{suffix}')}",
            role=role,
            width=width,
            height=width * ratio[1] // ratio[0],
            format=suffix,
        )
        for suffix in formats
        for width in WIDTHS
    )


def draw_pictures() -> None:
    """Every rendition that is not there yet: a page that waits for one is not kept waiting by the drawing of others."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for sample in SAMPLES:
        paths = [(width, _picture_file(sample, width, suffix)) for width in WIDTHS for suffix in FORMATS]
        missing = [(width, path) for width, path in paths if not path.is_file()]
        if not missing:
            continue
        poster = draw_poster(sample)
        for width, path in missing:
            unfinished = path.with_suffix(f".unfinished{path.suffix}")
            poster.resize((width, width * 3 // 2), Image.Resampling.LANCZOS).save(unfinished, quality=70)
            unfinished.rename(path)


def picture_bytes(sample: Sample, width: int, suffix: str) -> bytes:
    """A rendition that `draw_pictures` made."""
    return _picture_file(sample, width, suffix).read_bytes()


def _picture_file(sample: Sample, width: int, suffix: str) -> Path:
    return CACHE / f"{sample.id}-{width}.{suffix}"


def tone(hue: int) -> str:
    red, green, blue = _colour(hue, 0.45, 0.32)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    section = (hue % 360) / 60
    chroma = value * saturation
    second = chroma * (1 - abs(section % 2 - 1))
    order = ((0, 1, 2), (1, 0, 2), (2, 0, 1), (2, 1, 0), (1, 2, 0), (0, 2, 1))[int(section) % 6]
    red, green, blue = ((chroma, second, 0.0)[place] for place in order)
    lift = value - chroma
    return round((red + lift) * 255), round((green + lift) * 255), round((blue + lift) * 255)


def draw_poster(sample: Sample) -> Image.Image:
    """A night landscape in the title's hue, with its name at the foot."""
    width, height = 800, 1200
    chance = random.Random(sample.id)
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    for y in range(height):
        share = y / height
        draw.line((0, y, width, y), fill=_colour(sample.hue + 50 * share, 0.72 - 0.25 * share, 0.16 + 0.62 * share))
    glow = Image.new("RGB", (width, height))
    x, y, radius = chance.randint(220, 580), chance.randint(330, 520), chance.randint(70, 130)
    ImageDraw.Draw(glow).ellipse(
        (x - radius, y - radius, x + radius, y + radius), fill=_colour(sample.hue + 40, 0.25, 1)
    )
    image = Image.blend(
        image,
        Image.composite(
            glow.filter(ImageFilter.GaussianBlur(60)), image, glow.convert("L").filter(ImageFilter.GaussianBlur(90))
        ),
        0.85,
    )
    draw = ImageDraw.Draw(image)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(sample.hue + 40, 0.12, 1))
    for layer in range(5):
        phase, base = chance.random() * 9, 560 + layer * 120
        ridge = [
            (px, base + 60 * math.sin(px / (150 - layer * 14) + phase) + 24 * math.sin(px / 47 + phase * 3))
            for px in range(0, width + 10, 10)
        ]
        draw.polygon(
            [*ridge, (width, height), (0, height)], fill=_colour(sample.hue - 14 + 6 * layer, 0.75, 0.5 - layer * 0.095)
        )
    name = sample.series.name if sample.series else sample.name
    words = name.upper().split()
    font = ImageFont.load_default(size=92 if max(map(len, words)) < 9 else 76)
    for index, word in enumerate(words):
        draw.text((width / 2, 1110 - (len(words) - 1 - index) * 96), word, font=font, fill="white", anchor="mm")
    return image


def film(quality: Quality) -> Path:
    """An MP4 of 60 s; the grey of the square at its lower left is 16 + 3 per second: a test reads the second."""
    width, height = FRAMES[quality]
    path = CACHE / f"film-{quality.value}.mp4"
    if path.is_file():
        return path
    CACHE.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished.mp4")
    colours = "n=3:c0=0x14213d:c1=0x8b7cff:c2=0x0b7a75:seed=7"
    picture = f"gradients=s={width}x{height}:r=12:d={FILM_SECONDS}:speed=0.012:{colours},format=yuv420p"
    mark = (
        f"color=black:s={MARK_SIZE}x{MARK_SIZE}:r=12:d={FILM_SECONDS},format=yuv420p,"
        f"geq=lum='16+{MARK_STEP}*floor(T)':cb=128:cr=128"
    )
    graph = f"{picture}[p];{mark}[m];[p][m]overlay=0:H-{MARK_SIZE}:format=yuv420,format=yuv420p"
    arguments = f"-f lavfi -i sine=f=220:d={FILM_SECONDS} -filter_complex {graph} -af volume=0.05 -c:a aac"
    arguments += " -c:v libx264 -preset veryfast -g 12 -profile:v high -movflags +faststart"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments.split(), str(unfinished)], check=True)
    unfinished.rename(path)
    return path


def subtitle(language: str) -> str:
    """A WebVTT track with one cue for every second."""
    _, words = SUBTITLES[language]
    cues = [
        f"{_stamp(second)} --> {_stamp(second + 1)}\n{words.format(second=second)}\n" for second in range(FILM_SECONDS)
    ]
    return "WEBVTT\n\n" + "\n".join(cues)


def _stamp(second: int) -> str:
    return f"00:{second // 60:02d}:{second % 60:02d}.000"
