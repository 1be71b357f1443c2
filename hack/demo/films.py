"""Sample films by ffmpeg: a slow picture that is pleasant to watch, a burnt-in clock and a tone.

A test can tell which second it sees: a row of ten squares in the lower left corner shows the current second in
binary, most significant bit first, white for one (`CODE_*`, in fractions of the frame's height).
"""

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from streamvault_dev.paths import CACHE

from .catalogue import TITLES, Bucket, Reel

CODE_BITS = 10
CODE_SIZE = 0.04
CODE_LEFT = 0.05
CODE_TOP = 0.90
FRAMES_PER_SECOND = 24
GOP_SECONDS = 2
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"

SCENES = {
    "aurora": "c0=0x06121f:c1=0x0e4d52:c2=0x2bd4a0:c3=0x3a2a78:c4=0x081226:nb_colors=5:speed=0.012:seed=7",
    "harbour": "c0=0x1a0f1d:c1=0x6d2f46:c2=0xe6a15c:c3=0x32415f:c4=0x120c16:nb_colors=5:speed=0.010:seed=21",
    "signal": "c0=0x07110d:c1=0x1f6b4a:c2=0x0c2f24:c3=0x9ad9b2:nb_colors=4:speed=0.014:seed=3",
    "tide": "c0=0x050b18:c1=0x1b3f77:c2=0x4fa3d1:c3=0x0d1c33:nb_colors=4:speed=0.012:seed=5",
    "ember": "c0=0x140806:c1=0x7a2a12:c2=0xe08a3c:c3=0x2a1010:nb_colors=4:speed=0.013:seed=9",
    "dawn": "c0=0x11142a:c1=0x5a4a8c:c2=0xf0a890:c3=0x243056:nb_colors=4:speed=0.010:seed=11",
}


def cache_folder() -> Path:
    """Where finished films are kept, outside the tree: they outlive a clone."""
    folder = CACHE / "films"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def all_reels() -> Iterator[tuple[str, Reel, Bucket]]:
    """Every (title id, reel, bucket) of the library."""
    for title in TITLES:
        for reel in title.reels:
            for bucket in reel.buckets:
                yield title.id, reel, bucket


def make(reel: Reel, bucket: Bucket, folder: Path) -> Path:
    """Return the film's file in `folder`, made when it does not exist yet; its name carries its recipe's hash."""
    command = _command(reel, bucket)
    digest = hashlib.sha256("\0".join(command).encode()).hexdigest()[:12]
    path = folder / f"{reel.name}-{bucket.quality}-{digest}.mp4"
    if not path.exists():
        unfinished = path.with_suffix(".part")
        subprocess.run([*command, str(unfinished)], check=True)
        unfinished.rename(path)
    return path


def codecs(film: Path) -> str:
    """The film's codecs as a browser asks for them (RFC 6381)."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=level", "-of", "csv=p=0"]
    level = int(subprocess.run([*command, str(film)], check=True, capture_output=True, text=True).stdout.strip(", \n"))
    return f"avc1.6400{level:02x},mp4a.40.2"


def _command(reel: Reel, bucket: Bucket) -> list[str]:
    small = f"gradients=size=480x270:rate={FRAMES_PER_SECOND}:{SCENES[reel.scene]}"
    tone = f"aevalsrc=0.12*sin(2*PI*{reel.tone_hz}*t)*(0.75+0.25*sin(PI*t))|0.12*sin(3*PI*{reel.tone_hz}*t)*0.5:s=48000"
    video_filter = f"scale={bucket.width}:{bucket.height}:flags=bicubic,noise=alls=5:allf=t,{_overlay(bucket.height)}"
    return [
        *("ffmpeg", "-nostdin", "-v", "error", "-y"),
        *("-f", "lavfi", "-i", small, "-f", "lavfi", "-i", tone, "-t", str(reel.seconds)),
        *("-vf", f"{video_filter},format=yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "high"),
        *("-b:v", f"{bucket.kbits}k", "-maxrate", f"{bucket.kbits}k", "-bufsize", f"{bucket.kbits * 2}k"),
        *("-g", str(FRAMES_PER_SECOND * GOP_SECONDS), "-keyint_min", str(FRAMES_PER_SECOND * GOP_SECONDS)),
        *("-sc_threshold", "0", "-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart", "-f", "mp4"),
    ]


def _overlay(height: int) -> str:
    clock = (
        f"drawtext=fontfile={FONT}:text='%{{pts\\:hms}}':fontcolor=white@0.9:fontsize={height // 14}"
        f":x=(w-tw)/2:y={round(height * 0.80)}:box=1:boxcolor=black@0.35:boxborderw={height // 60}"
    )
    side = round(height * CODE_SIZE)
    left, top = round(height * CODE_LEFT), round(height * CODE_TOP)
    squares = [f"drawbox=x={left}:y={top}:w={side * CODE_BITS}:h={side}:color=black:t=fill"]
    for bit in range(CODE_BITS):
        x = left + side * bit
        power = 2 ** (CODE_BITS - 1 - bit)
        squares.append(f"drawbox=x={x}:y={top}:w={side}:h={side}:color=white:t=fill:enable='mod(floor(t/{power}),2)'")
    return ",".join([clock, *squares])
