"""WebVTT tracks of the sample films in two languages: one cue every five seconds that says the time."""

from collections.abc import Callable

CUE_SECONDS = 5
LANGUAGES: dict[str, tuple[str, Callable[[int], str]]] = {
    "en": ("English", lambda second: f"{second} seconds have passed."),
    "de": ("Deutsch", lambda second: f"{second} Sekunden sind vergangen."),
}


def track(language: str, seconds: int) -> bytes:
    """The WebVTT file of a film of `seconds` in one of LANGUAGES."""
    _, text = LANGUAGES[language]
    cues = [
        f"{_clock(start)} --> {_clock(start + CUE_SECONDS - 1)}\n{text(start)}\n"
        for start in range(0, seconds - CUE_SECONDS + 1, CUE_SECONDS)
    ]
    return ("WEBVTT\n\n" + "\n".join(cues)).encode()


def _clock(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000"
