"""The JSON form of a zone finding: for `--json`, the ticket, and whoever reads either."""

from __future__ import annotations

from typing import Final, Self

from omega_acceptance.figures import Language
from omega_acceptance.zone.finding import ZoneFinding
from omega_acceptance.zone.telling import Audience, told
from omega_core.facts import Version1
from omega_core.models import StrictModel

SCHEMA_VERSION: Final = 1


class ZoneReport(StrictModel):
    """A finding, and its sentences by language and audience.

    The codes are what counts: a reader of another language makes its own sentences of them.
    """

    schema_version: Version1 = SCHEMA_VERSION
    finding: ZoneFinding
    said: dict[Language, dict[Audience, tuple[str, ...]]]

    @classmethod
    def of(cls, finding: ZoneFinding) -> Self:
        """Return the report of a finding, told to everybody."""
        languages: tuple[Language, ...] = ("fr", "en")
        said = {lang: {each: told(finding, each, lang) for each in Audience} for lang in languages}
        return cls(finding=finding, said=said)
