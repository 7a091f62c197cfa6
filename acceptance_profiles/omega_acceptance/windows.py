"""Fixed-rate windows: which rate a criterion asks about, and the windows that answer it in a mode.

    steps (where the profile names any)   25 %, 50 %, 75 % of the rate    shown, never decisive
    window                                100 %, `n_min` of them          one proves the rate
    repeat, standard only                 100 %                           two that are short fail it

A repeat is held only where the window was short, and no sooner than `REPEAT_US` after it: a fade of
a moment is no verdict. Quick has no time for that, so it accepts or leaves open. The question is
put at the IP layer, in packets of the plan's MTU: that is how the rate is sold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from omega_acceptance.layers import Layer
from omega_acceptance.profile import AcceptanceProfile, Criterion, Statistic
from omega_acceptance.promise import limit_of
from omega_core.capacity import IdleLoss
from omega_core.evidence import Family
from omega_core.metrics import Direction
from omega_core.qualification import HOLD_US, Allowance, offered_bps
from omega_core.units import BITS_PER_OCTET, PPM, US_PER_S
from omega_core.verdict import Mode

WINDOWS_TO_FAIL = 2
SHORT_PPM = 50_000  # nearer to the rate than that, a line that varies is not bad
_NO_LOSS = IdleLoss(loss_ppm=None, packets=None)
_FAMILIES: tuple[Family, ...] = (4, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One window: the IP rate in question, and whether it only repeats one that was short."""

    direction: Direction
    fixed_bps: int
    repeat: bool = False


def allowance_of(profile: AcceptanceProfile) -> Allowance:
    """Return what the plan leaves to queues, buckets, loss and the instrument."""
    assumed = profile.statistics
    return Allowance(
        guard_ppm=assumed.guard_band_ppm,
        short_ppm=SHORT_PPM,
        queue_us=assumed.queue_allowance_us,
        bucket_us=assumed.bucket_allowance_us,
        loss_ppm=assumed.rate_loss_ppm,
    )


def rate_in_question_bps(profile: AcceptanceProfile, criterion: Criterion) -> int:
    """Return the IP rate that keeps the promise over either family.

    They differ only where the rate counts TCP payload: IPv6 needs more octets for it.
    """
    families = _FAMILIES if profile.layer is Layer.TCP else _FAMILIES[:1]
    return max(limit_of(profile, criterion, family) for family in families)


def offer_bps(profile: AcceptanceProfile, rate_bps: int) -> int:
    """Return what is offered to a line that loses nothing, in bit/s at the IP layer."""
    return offered_bps(rate_bps, _NO_LOSS, allowance_of(profile))


def octets_of(profile: AcceptanceProfile, window: Window) -> int:
    """Return the IP octets of a window that is held to its end."""
    bits_us = offer_bps(profile, window.fixed_bps) * HOLD_US
    return -(-bits_us // (BITS_PER_OCTET * US_PER_S))


def windows(profile: AcceptanceProfile, mode: Mode) -> tuple[Window, ...]:
    """Return the windows of a mode in their order; the repeats of both directions come last."""
    first: list[Window] = []
    again: list[Window] = []
    for direction in Direction:
        criterion = _asking(profile, mode, direction)
        if criterion is None:
            continue
        rate_bps = rate_in_question_bps(profile, criterion)
        rates_bps = [*_steps_bps(criterion, rate_bps), *[rate_bps] * criterion.n_min]
        first += [Window(direction=direction, fixed_bps=each) for each in rates_bps]
        if mode is Mode.STANDARD:
            again.append(Window(direction=direction, fixed_bps=rate_bps, repeat=True))
    return (*first, *again)


def _steps_bps(criterion: Criterion, rate_bps: int) -> Iterator[int]:
    for share_ppm in criterion.steps_ppm or ():
        yield rate_bps * share_ppm // PPM


def _asking(profile: AcceptanceProfile, mode: Mode, direction: Direction) -> Criterion | None:
    """Return the criterion that asks for the highest rate: one window answers them all."""
    asked = profile.criteria_by(Statistic.WINDOW, direction)
    asking = [each for each in asked if each.is_measured_in(mode)]
    return max(asking, key=lambda each: rate_in_question_bps(profile, each), default=None)
