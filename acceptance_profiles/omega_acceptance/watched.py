"""What a watch saw, as the decision engine takes it: outages with bounds, within one window.

An outage that reaches over an edge of the window counts with what lies inside it; time that no
record speaks of is not observed (`omega_core.availability.joined`).
"""

from __future__ import annotations

from omega_acceptance.decision.availability import Availability, Outage
from omega_core.availability import Watched


def availability(seen: Watched) -> Availability:
    """Return what was observed of the window."""
    window = seen.started_us, seen.ended_us
    return Availability(
        window_us=seen.ended_us - seen.started_us,
        unobserved_us=seen.unobserved_us,
        outages=tuple(
            Outage(least_us=each.least_us(*window), most_us=each.most_us(*window))
            for each in seen.outages
        ),
    )
