"""Units of the machines: nanoseconds, microseconds, bits per second, parts per million.

Everything inside Omega is an integer in one of these; conversion to what people read happens at the
edge, in one place of each application.
"""

from __future__ import annotations

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
US_PER_MS = 1_000
US_PER_S = 1_000_000
BITS_PER_OCTET = 8
PPM = 1_000_000


def share_ppm_rounded_up(part: int, whole: int) -> int | None:
    """Return part/whole in ppm, rounded up; None of an empty whole.

    For shares where more is worse (loss, reordering): one packet lost in ten million is 1 ppm,
    so 0 means that none was lost.
    """
    return -(-part * PPM // whole) if whole else None


def share_ppm_rounded_down(part: int, whole: int) -> int | None:
    """Return part/whole in ppm, rounded down; None of an empty whole.

    For shares where more is better (reachability): 1,000,000 means that every attempt succeeded.
    """
    return part * PPM // whole if whole else None


def rate_bps(octets: int, span_us: int) -> int | None:
    """Return octets over a span as bit/s, cut off to whole bits; None of an empty span."""
    return octets * BITS_PER_OCTET * US_PER_S // span_us if span_us > 0 else None
