"""The zone that one record shows: what agent and server ask, each of the same facts."""

from __future__ import annotations

from omega_acceptance.profile import AcceptanceProfile
from omega_acceptance.zone.finding import ZoneFinding
from omega_acceptance.zone.given import LineSeen
from omega_acceptance.zone.locate import locate
from omega_core.metrics import Direction
from omega_core.record import Record
from omega_core.verdict import Judgement


def zone_of(
    record: Record, judgement: Judgement | None, profile: AcceptanceProfile | None
) -> ZoneFinding | None:
    """Return where the fault is that a record shows; None of one that did not look at the path.

    `judgement` is that of whoever asks: an agent's preview, or the server's own.
    """
    if record.evidence.path is None:
        return None
    least: dict[Direction, int] = {}
    if profile is not None:
        least = {each: profile.contracted.rates(each).min_bps for each in Direction}
    return locate(
        LineSeen(
            evidence=record.evidence,
            metrics=record.metrics,
            validity=record.validity,
            judgement=judgement,
            least_bps=least,
        )
    )
