"""How long an agent stays away from the server: drawn, so that ten thousand do not come at once."""

from __future__ import annotations

import random

PAUSE_S_MIN = 2.0
_TURNED_S = 3_600


def before_the_first(spread_s: int, rng: random.Random) -> float:
    """Return the pause after a start: a power cut ends for everybody at the same moment."""
    return rng.uniform(0, spread_s)


def after_silence(spread_s: int, rng: random.Random) -> float:
    """Return the pause after nobody has answered, within what the server said it needs."""
    return max(PAUSE_S_MIN, rng.uniform(0, spread_s))


def after_busy(retry_after_s: int | None, rng: random.Random) -> float:
    """Return the pause a server has asked for: to the second, and spread over it."""
    return (retry_after_s or 1) + rng.random()


def after_refusal(rng: random.Random) -> float:
    """Return the pause after a refusal that does not pass by itself: an hour or two."""
    return _TURNED_S * (1 + rng.random())
