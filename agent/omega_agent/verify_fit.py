"""Whether the parts of a bundle are of one session: the first thing in which they differ."""

from __future__ import annotations

from omega_core.control import Grant, Observation
from omega_core.limits import GRANT_EARLY_S, GRANT_LATE_S
from omega_core.record import Record
from omega_core.units import US_PER_S


def differing(grant: Grant, record: Record, kid: str) -> str | None:
    """Return the first thing in which the record is not what was granted."""
    session = record.session
    pairs = {
        "agent": (grant.agent_kid, kid),
        "session": (grant.session_id, session.id),
        "purpose": (grant.purpose, session.purpose),
        "mode": (grant.mode, session.mode),
        "sheet": (grant.sheet_id, session.sheet_id),
        "change": (grant.changed, session.changed),
        "ticket": (grant.ticket_id, session.ticket_id),
        "plan": (grant.plan_id, record.plan_id),
        "profile": (grant.profile, record.profile),
        # A record may leave the test point out: it was named in the grant and never reached.
        "test point": (grant.test_point.id, session.test_point or grant.test_point.id),
    }
    return next((name for name, (granted, stated) in pairs.items() if granted != stated), None)


def observed_elsewhere(observation: Observation, record: Record, grant: Grant) -> str | None:
    """Return the first thing in which the observation is not of this session."""
    earliest = grant.not_before_unix_us - GRANT_EARLY_S * US_PER_S
    latest = grant.not_after_unix_us + (GRANT_LATE_S + grant.limits.duration_s) * US_PER_S
    pairs = {
        "session": observation.session_id == grant.session_id,
        "grant": observation.grant_digest == record.grant_digest,
        "test point": observation.test_point == grant.test_point.id,
        "time": earliest <= observation.started_unix_us <= latest,
    }
    return next((name for name, same in pairs.items() if not same), None)
