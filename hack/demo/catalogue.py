"""What the sample library holds; a change here makes the changed films anew."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Bucket:
    """One quality of a film: frame size in pixels, video bit rate in kbit/s."""

    quality: str
    width: int
    height: int
    kbits: int


@dataclass(frozen=True)
class Reel:
    """One moving picture: a film or an episode; `scene` names a recipe of `films.SCENES`."""

    name: str
    scene: str
    seconds: int
    tone_hz: int
    buckets: tuple[Bucket, ...]
    episode: int | None = None
    plot: str = ""


@dataclass(frozen=True)
class SampleTitle:
    """One Title resource with its details."""

    id: str
    kind: str
    display_name: str
    year: int
    tagline: str
    plot: str
    genres: tuple[str, ...]
    color: str
    reels: tuple[Reel, ...]
    cast: tuple[tuple[str, str], ...] = ()
    series: tuple[str, str, int] | None = None
    parts: dict[str, int] = field(default_factory=dict)
    """Into how many Telegram messages a file is cut, by file name; one when it is not named."""


UHD = Bucket("2160p", 3840, 2160, 9_500)
FHD = Bucket("1080p", 1920, 1080, 3_600)
HD = Bucket("720p", 1280, 720, 1_700)
FILM_BUCKETS = (UHD, FHD, HD)
EPISODE_BUCKETS = (Bucket("1080p", 1920, 1080, 1_700), Bucket("720p", 1280, 720, 850))

TITLES = (
    SampleTitle(
        id="aurora-drift",
        kind="Movie",
        display_name="Aurora Drift",
        year=2026,
        tagline="Some lights only show to those who stay awake.",
        plot="Far north of the last road, a radio operator follows a light that answers when she keys the transmitter.",
        genres=("Science fiction", "Mystery"),
        color="#14233b",
        reels=(Reel("aurora-drift", "aurora", 90, 220, FILM_BUCKETS),),
        cast=(("Ines Halvorsen", "The operator"), ("Tomas Reyes", "The voice")),
        parts={"2160p": 3},
    ),
    SampleTitle(
        id="glass-harbour",
        kind="Movie",
        display_name="Glass Harbour",
        year=2025,
        tagline="Every tide brings something back.",
        plot="A harbour pilot finds the same bottle on three mornings; each time its letter is a day longer.",
        genres=("Drama",),
        color="#3b1d2a",
        reels=(Reel("glass-harbour", "harbour", 60, 262, FILM_BUCKETS),),
        cast=(("Mara Lindqvist", "The pilot"), ("Joon Park", "The writer")),
    ),
    SampleTitle(
        id="night-signals-s1",
        kind="Season",
        display_name="Night Signals",
        year=2026,
        tagline="Four nights. Four broadcasts. One sender.",
        plot="A pirate station goes on the air at midnight and tells the town what will happen by dawn.",
        genres=("Thriller", "Series"),
        color="#1f3a2d",
        series=("night-signals", "Night Signals", 1),
        reels=tuple(
            Reel(f"night-signals-s01e{number:02}", scene, 40, tone, EPISODE_BUCKETS, number, plot)
            for number, (scene, tone, plot) in enumerate(
                (
                    ("signal", 196, "The first broadcast names a street that does not exist yet."),
                    ("tide", 233, "The power fails everywhere but in the transmitter's valley."),
                    ("ember", 247, "Someone answers on the same frequency, one second early."),
                    ("dawn", 294, "The last broadcast is only silence, and everybody listens."),
                ),
                start=1,
            )
        ),
        cast=(("Noor Haddad", "The listener"),),
    ),
)
EPISODE_NAMES = ("A Street Not Yet Built", "Valley of Lamps", "One Second Early", "Carrier Wave")
