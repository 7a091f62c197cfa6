"""Which language a page is in: asked for, remembered, or the browser's; French where none is known.

?lang=en  -->  cookie omega_lang  -->  Accept-Language  -->  fr
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Language: TypeAlias = Literal["fr", "en"]

LANGUAGES: Final[tuple[Language, ...]] = ("fr", "en")
COOKIE: Final = "omega_lang"
_HEADER_CHARS_MAX: Final = 1_000  # some browsers list twenty languages; nobody lists a thousand


def language_of(asked: str | None, remembered: str | None, accepts: str) -> Language:
    """Return the language to answer in; `accepts` is the header as it came (RFC 9110, 12.5.4)."""
    for wanted in (asked, remembered):
        known = _known(wanted or "")
        if known is not None:
            return known
    for wanted in _by_weight(accepts[:_HEADER_CHARS_MAX]):
        known = _known(wanted)
        if known is not None:
            return known
    return LANGUAGES[0]


def _known(name: str) -> Language | None:
    primary = name.strip().lower().partition("-")[0]
    return next((each for each in LANGUAGES if each == primary), None)


def _by_weight(header: str) -> list[str]:
    """Return the languages of the header, liked best first; what can't be read weighs nothing."""
    found = []
    for place, part in enumerate(header.split(",")):
        name, _, weight = part.partition(";")
        value = _weight(weight.strip())
        if name.strip() and value > 0:
            found.append((-value, place, name))
    return [name for _, _, name in sorted(found)]


def _weight(text: str) -> float:
    if not text:
        return 1.0
    name, _, value = text.partition("=")
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if name.strip() == "q" and 0 <= weight <= 1 else 0.0
