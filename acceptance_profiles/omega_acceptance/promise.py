"""The figure a criterion asks for, in the unit and layer in which its metric is measured."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, TypeAlias

from omega_acceptance.layers import Layer, least_bps
from omega_acceptance.profile import AcceptanceProfile, ContractShare, Criterion
from omega_core.evidence import Family
from omega_core.metrics import METRICS, READINGS, Direction
from omega_core.units import PPM

Side: TypeAlias = Literal["at_least", "at_most"]
LAYER_OF_QUANTITY = {
    "goodput": Layer.TCP,
    "capacity": Layer.IP,
    "qualified": Layer.IP,
    "over_rate": Layer.IP,
    "dsl_sync": Layer.ATM,
}
"""Where each measured rate is counted; the other quantities are no rates."""


def limit_of(profile: AcceptanceProfile, criterion: Criterion, family: Family = 4) -> int:
    """Return the limit in the criterion's unit; a rate is converted into the metric's layer.

    `family` is the IP version the metric was measured over: IPv6 headers leave less for payload. A
    whole number of bit/s meets the promise exactly when it is at least the result.
    """
    promised = _promised(profile, criterion)
    quantity = METRICS.get(criterion.metric) or READINGS[criterion.metric]
    measured = LAYER_OF_QUANTITY.get(quantity.name)
    if measured is None:
        return int(promised)
    form = profile.packet(family)
    return least_bps(promised, form, promised=profile.layer, measured=measured)


def first_limit(profile: AcceptanceProfile, metric: str) -> tuple[int, Side] | None:
    """Return the limit that the first criterion on a metric sets, and on which side it holds.

    As `limit_of` has it, over IPv4; None where the profile says nothing of the metric.
    """
    found = next((each for each in profile.criteria if each.metric == metric), None)
    return None if found is None else (limit_of(profile, found), found.op)


def _promised(profile: AcceptanceProfile, criterion: Criterion) -> Fraction:
    limit = criterion.limit
    if not isinstance(limit, ContractShare):
        return Fraction(limit)
    # `relations` lets a share stand only where the metric has a direction.
    up = criterion.direction is Direction.UP
    rates = profile.contracted.up if up else profile.contracted.down
    contracted: int = getattr(rates, f"{limit.of}_bps")
    return Fraction(contracted * limit.share_ppm, PPM)
