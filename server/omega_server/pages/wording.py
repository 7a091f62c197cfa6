"""The words of pages: gettext catalogues, and numbers and times as people of a language write them.

English is in the templates and the code, as what is looked up; `words/<language>.po` has the other
languages. The catalogue is read once, as text: there is no compiled file that could be older than
it. A text that is missing is shown in English, and a test finds it before.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from omega_core.units import PPM, US_PER_MS, US_PER_S
from omega_server.pages.languages import Language

_MISSING: Final = "\N{EN DASH}"
_RATES: Final = ((10**9, "Gbit/s"), (10**6, "Mbit/s"), (10**3, "kbit/s"))


def later(text: str) -> str:
    """Return a text as it is: the catalogue has it, and it is said in a language when shown."""
    return text


@cache
def translations(language: Language) -> NullTranslations:
    """Return the catalogue of a language; English needs none."""
    if language == "en":
        return NullTranslations()
    source = files("omega_server.pages") / "words" / f"{language}.po"
    compiled = io.BytesIO()
    with source.open("rb") as text:
        write_mo(compiled, read_po(text, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


@dataclass(frozen=True, slots=True)
class Wording:
    """How things are said to somebody: their language, and the time zone of the operator."""

    language: Language
    zone: tzinfo = UTC

    @classmethod
    def of(cls, language: Language, zone_name: str = "UTC") -> Wording:
        """Return the wording of a language where clocks show the time of this zone."""
        return cls(language, ZoneInfo(zone_name))

    @property
    def locale(self) -> Locale:
        """The locale that numbers and times are written for."""
        return _locale(self.language)

    def say(self, text: str, **values: object) -> str:
        """Return a text in the language, with values put in its `%(name)s`."""
        said = translations(self.language).gettext(text)
        return said % values if values else said

    def count(self, value: int | None) -> str:
        """Return a number, grouped."""
        return _MISSING if value is None else format_decimal(value, locale=self.locale)

    def rate(self, bits_per_s: int | None) -> str:
        """Return a rate with its unit, to three figures."""
        if bits_per_s is None:
            return _MISSING
        for unit, name in _RATES:
            if bits_per_s >= unit:
                return f"{self._figures(bits_per_s / unit)} {name}"
        return f"{self.count(bits_per_s)} bit/s"

    def size(self, octets: int | None) -> str:
        """Return an amount of data in megabytes, to three figures."""
        if octets is None:
            return _MISSING
        unit = "Mo" if self.language == "fr" else "MB"
        return f"{self._figures(octets / 10**6)} {unit}"

    def delay(self, delay_us: int | None) -> str:
        """Return a delay in milliseconds, to three figures."""
        return _MISSING if delay_us is None else f"{self._figures(delay_us / US_PER_MS)} ms"

    def share(self, ppm: int | None) -> str:
        """Return a share in per cent, to three figures; a small one is not rounded to 0."""
        if ppm is None:
            return _MISSING
        return f"{self._figures(ppm * 100 / PPM)} %"

    def moment(self, unix_us: int | None) -> str:
        """Return a day and a time of day."""
        if unix_us is None:
            return _MISSING
        return format_datetime(self._at(unix_us), "short", locale=self.locale)

    def machine_moment(self, unix_us: int) -> str:
        """Return a time as `<time datetime>` wants it (RFC 3339)."""
        at = datetime.fromtimestamp(unix_us // US_PER_S, UTC)
        return at.isoformat().replace("+00:00", "Z")

    def _at(self, unix_us: int) -> datetime:
        return datetime.fromtimestamp(unix_us / US_PER_S, self.zone)

    def _figures(self, value: float) -> str:
        """Return three figures: 0.123, 1.23, 12.3, 123, 1234."""
        decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
        return format_decimal(
            value, f"#,##0.{'#' * decimals}" if decimals else "#,##0", self.locale
        )


@cache
def _locale(language: Language) -> Locale:
    return Locale(language)
