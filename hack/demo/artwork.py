"""Posters, backdrops and stills of the sample library, drawn with Pillow over frames of the films."""

import hashlib
import io
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from .catalogue import EPISODE_NAMES, SampleTitle

BOLD_FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
POSTER_WIDTHS = (200, 400, 800)
BACKDROP_WIDTHS = (960, 1920)
STILL_WIDTHS = (320, 640)
FORMATS = (("avif", 62), ("webp", 80))


@dataclass(frozen=True)
class Rendition:
    """One encoded picture; `name` is unique within its title and for its bytes: an asset never changes."""

    name: str
    role: str
    width: int
    height: int
    format: str
    content: bytes
    episode: int | None = None


def frame(film: Path, second: float) -> Image.Image:
    """The picture of `film` at `second`, without its burnt-in clock (the lower third is mirrored from above)."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-ss", str(second), "-i", str(film), "-frames:v", "1"]
    png = subprocess.run([*command, "-f", "image2pipe", "-c:v", "png", "-"], check=True, capture_output=True).stdout
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    clean = picture.crop((0, 0, picture.width, round(picture.height * 0.75)))
    return clean.resize(picture.size, Image.Resampling.LANCZOS)


def renditions(title: SampleTitle, films: dict[int | None, Path]) -> Iterator[Rendition]:
    """Every picture of a title; `films` holds one film by episode number (None for a film without episodes)."""
    first = next(iter(films.values()))
    poster = _poster(title, frame(first, 17))
    yield from _encoded(poster, "poster", POSTER_WIDTHS, None)
    yield from _encoded(frame(first, 31), "backdrop", BACKDROP_WIDTHS, None)
    for number, film in films.items():
        if number is not None:
            yield from _encoded(frame(film, 12 + number), f"still-{number}", STILL_WIDTHS, number)


def _encoded(picture: Image.Image, name: str, widths: tuple[int, ...], episode: int | None) -> Iterator[Rendition]:
    for width in widths:
        height = round(picture.height * width / picture.width)
        resized = picture.resize((width, height), Image.Resampling.LANCZOS)
        for encoding, quality in FORMATS:
            buffer = io.BytesIO()
            resized.save(buffer, encoding, quality=quality)
            role = "still" if episode is not None else name
            content = buffer.getvalue()
            digest = hashlib.sha256(content).hexdigest()[:8]
            yield Rendition(f"{name}-{width}-{digest}.{encoding}", role, width, height, encoding, content, episode)


def _poster(title: SampleTitle, art: Image.Image) -> Image.Image:
    width, height = 800, 1200
    scale = height / art.height
    wide = art.resize((round(art.width * scale), height), Image.Resampling.LANCZOS)
    left = (wide.width - width) // 2
    poster = wide.crop((left, 0, left + width, height)).filter(ImageFilter.GaussianBlur(2))
    poster = ImageEnhance.Color(poster).enhance(1.25)
    shade = Image.linear_gradient("L").resize((width, height)).point(lambda value: max(0, value - 70))
    poster = Image.composite(Image.new("RGB", poster.size, (6, 7, 11)), poster, shade)
    draw = ImageDraw.Draw(poster)
    draw.ellipse((300, 210, 500, 410), outline=(244, 246, 251), width=4)
    draw.arc((250, 160, 550, 460), 200, 340, fill=(244, 246, 251), width=2)
    words = title.display_name.upper().split()
    font = ImageFont.truetype(BOLD_FONT, 104)
    top = height - 150 - 120 * len(words)
    for index, word in enumerate(words):
        draw.text((60, top + 120 * index), word, font=font, fill=(244, 246, 251))
    footer = f"{title.year}   ·   SEASON {title.series[2]}" if title.series else str(title.year)
    draw.text((64, height - 120), footer, font=ImageFont.truetype(FONT, 36), fill=(195, 201, 214))
    return poster


def episode_name(number: int) -> str:
    """Name of an episode of the sample season."""
    return EPISODE_NAMES[number - 1]
