"""When a delivery that failed is tried again: pure, the draw is an argument.

later, with Retry-After     as asked, within a day, never sooner than our own pause
later, unclear              as below, and not before what was sent can have settled
later                       5 s, 10 s, 20 s ... an hour; each between half and the whole
"""

from __future__ import annotations

from omega_core.limits import (
    CONNECTOR_RETRY_AFTER_S_MAX,
    CONNECTOR_RETRY_S_MAX,
    CONNECTOR_RETRY_S_MIN,
    CONNECTOR_SETTLE_S,
)
from omega_core.units import US_PER_S
from omega_server.connectors.errors import LaterError

_DOUBLINGS_MAX = 20  # beyond the longest pause, and far from a number too large to shift


def pause_us(failure: LaterError, attempts: int, draw_ppm: int) -> int:
    """Return the pause after the `attempts`-th failure; `draw_ppm` from 0 to 1,000,000."""
    doubled_s = CONNECTOR_RETRY_S_MIN << min(max(attempts - 1, 0), _DOUBLINGS_MAX)
    whole_us = min(doubled_s, CONNECTOR_RETRY_S_MAX) * US_PER_S
    pause = whole_us // 2 + whole_us // 2 * draw_ppm // 1_000_000
    if failure.retry_after_s is not None:
        asked_s = min(max(failure.retry_after_s, 0), CONNECTOR_RETRY_AFTER_S_MAX)
        pause = max(pause, asked_s * US_PER_S)
    if failure.unclear:
        pause = max(pause, CONNECTOR_SETTLE_S * US_PER_S)
    return pause
