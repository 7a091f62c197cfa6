"""Read rates, times and shares as people type them, and write them as people read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from lab.spec import DirectionSpec, LinkSpecError
from omega_core.units import PPM, US_PER_MS, US_PER_S

_NUMBER_AND_UNIT = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z/%]*)")
_RATE_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_TIME_UNITS = {"us": 1, "ms": US_PER_MS, "s": US_PER_S, "": US_PER_MS}
_SHARE_UNITS = {"%": PPM // 100, "": PPM // 100, "ppm": 1}
_UNLIMITED = "none"


def parse_rate_bps(text: str) -> int | None:
    """Return `20M`, `300k`, `1.5G` or plain bit/s; None for `none`. Raises LinkSpecError."""
    if text.lower() == _UNLIMITED:
        return None
    return _parse(text, _RATE_UNITS, "a rate such as 20M, 300k or none")


def parse_time_us(text: str) -> int:
    """Return `25ms`, `800us`, `1s`; without a unit milliseconds. Raises LinkSpecError."""
    return _parse(text, _TIME_UNITS, "a time such as 25ms or 800us")


def parse_share_ppm(text: str) -> int:
    """Return `0.5%` or `5000ppm`; without a unit per cent. Raises LinkSpecError."""
    return _parse(text, _SHARE_UNITS, "a share such as 0.5% or 5000ppm")


def show_direction(spec: DirectionSpec) -> str:
    """Return one line about a direction."""
    parts = [show_rate(spec.rate_bps), f"{_plain(spec.delay_us, US_PER_MS)} ms one way"]
    if spec.rate_bps is not None:
        buffer = f"{spec.buffer_ms} ms" if spec.buffer_bytes is None else f"{spec.buffer_bytes} B"
        parts.append(f"buffer {buffer}")
    if spec.jitter_us:
        parts.append(f"jitter 0..{_plain(spec.jitter_us, US_PER_MS)} ms")
    if spec.loss_ppm:
        parts.append(f"loss {_plain(spec.loss_ppm, PPM // 100)} %")
    return ", ".join(parts)


def show_rate(rate_bps: int | None) -> str:
    """Return a rate in Mbit/s; IP layer."""
    return "unlimited" if rate_bps is None else f"{_plain(rate_bps, 10**6)} Mbit/s"


def _plain(value: int, unit: int) -> str:
    return f"{(Decimal(value) / unit).normalize():f}"


def _parse(text: str, units: Mapping[str, int], wanted: str) -> int:
    match = _NUMBER_AND_UNIT.fullmatch(text.strip())
    factor = None if match is None else units.get(match[2].lower())
    if match is None or factor is None:
        raise LinkSpecError(f"{text!r} is not {wanted}")
    value = Decimal(match[1]) * factor
    if value != int(value):
        raise LinkSpecError(f"{text!r} is finer than the lab's units")
    return int(value)
