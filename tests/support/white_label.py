"""Words by which a visitor could tell where the bytes are kept; none of them may reach a browser."""

import re

_ANYWHERE = re.compile(r"telegram|\bt\.me/|tg://", re.IGNORECASE)
_IN_WORDS = re.compile(r"\bt\.me\b|\btg:", re.IGNORECASE)
# Minified code names variables t and tg by itself: there, only a text can give something away.
_IN_CODE = re.compile(r"""["'`](?:tg:|(?:https?:)?(?://)?t\.me\b)""", re.IGNORECASE)


def traces(text: str, content_type: str = "") -> list[str]:
    """Every forbidden word in `text` with what stands around it; `content_type` tells code from words."""
    code = "javascript" in content_type
    patterns = (_ANYWHERE, _IN_CODE if code else _IN_WORDS)
    return [
        text[max(0, found.start() - 40) : found.end() + 40] for pattern in patterns for found in pattern.finditer(text)
    ]
