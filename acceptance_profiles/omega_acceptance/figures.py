"""Figures as people read them: Mbit/s, ms and %, in the reader's language.

Inside Omega everything is a whole number of bit/s, us or ppm. Rounding to what people read may not
make a missed limit look kept: two figures that differ are printed with enough decimals to differ.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, TypeAlias, get_args

from omega_core.metrics import Unit
from omega_core.units import PPM, US_PER_MS

Language: TypeAlias = Literal["fr", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

NO_BREAK_SPACE = "\u00a0"
_DIVISOR: dict[Unit, int] = {"bps": PPM, "us": US_PER_MS, "ppm": PPM // 100, "rpm": 1, "dB": 1}
_WRITTEN: dict[Unit, dict[Language, str]] = {
    "bps": {"fr": "Mbit/s", "en": "Mbit/s"},
    "us": {"fr": "ms", "en": "ms"},
    "ppm": {"fr": "%", "en": "%"},
    "rpm": {"fr": "allers-retours/min", "en": "round trips/min"},
    "dB": {"fr": "dB", "en": "dB"},
}


def figure(value: int, unit: Unit, lang: Language) -> str:
    """Return a value with the unit people read, rounded to what they can use."""
    return _written(value, unit, lang, _usual_decimals(value, unit))


def figure_pair(first: int, second: int, unit: Unit, lang: Language) -> tuple[str, str]:
    """Return two values to be compared; where they differ, what is printed differs too."""
    decimals = _usual_decimals(second, unit)
    while True:
        pair = _written(first, unit, lang, decimals), _written(second, unit, lang, decimals)
        if first == second or pair[0] != pair[1]:
            return pair
        decimals += 1


def count(number: int, lang: Language) -> str:
    """Return a whole number, grouped in threes as the language does."""
    return f"{number:,}".replace(",", NO_BREAK_SPACE) if lang == "fr" else f"{number:,}"


def _usual_decimals(value: int, unit: Unit) -> int:
    """Return how many decimals are of use: three figures or so."""
    if unit != "bps":
        return {"us": 1, "ppm": 2}.get(unit, 0)
    if value < 10 * PPM:
        return 3
    return 2 if value < 100 * PPM else 1


def _written(value: int, unit: Unit, lang: Language, decimals: int) -> str:
    number = (Decimal(value) / _DIVISOR[unit]).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if lang == "fr":
        return f"{text.replace('.', ',')}{NO_BREAK_SPACE}{_WRITTEN[unit][lang]}"
    return f"{text} {_WRITTEN[unit][lang]}"
