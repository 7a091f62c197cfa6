"""The epochs of a sheet: what its attempts come to together, from the grants and records stored.

A grant says whether something was changed on the line before its attempt, and was signed before
anything was measured; `omega_acceptance.pooling` says what follows. Nothing is kept of it: every
judgement here is made again from the signed facts when a sheet is shown. A session keeps the faults
that were found when its record came in, so the second observer has his say.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from omega_acceptance import pooling
from omega_acceptance.pooling import Epoch, Pooled, Session, epochs_of
from omega_acceptance.schema import profile_from_content
from omega_core.control import Grant
from omega_core.record import Record
from omega_core.verdict import Judgement
from omega_server.envelopes import stored
from omega_server.store.port import Store
from omega_server.store.rows import Attempt

_JUDGEMENT = TypeAdapter(Judgement)


@dataclass(frozen=True, slots=True)
class SheetEpoch:
    """An epoch with its attempts."""

    epoch: Epoch
    attempts: tuple[Attempt, ...]


def of_attempts(store: Store, attempts: Sequence[Attempt]) -> tuple[SheetEpoch, ...]:
    """Return the epochs of a sheet's attempts, which stand in the order of their grants."""
    tried = []
    for attempt in attempts:
        grant = _grant(store, attempt)
        profile = None if grant.profile is None else grant.profile.digest
        tried.append(pooling.Attempt(mode=grant.mode, profile=profile, changed=grant.changed))
    return tuple(
        SheetEpoch(epoch, tuple(attempts[place] for place in epoch.attempts))
        for epoch in epochs_of(tried)
    )


def judged(store: Store, epoch: SheetEpoch) -> Pooled | None:
    """Return what the attempts of an epoch come to; None before there was one under a profile."""
    digest = epoch.epoch.profile
    row = None if digest is None else store.sessions.profile(digest)
    if row is None:
        return None
    profile = profile_from_content(json.loads(row.content))
    sessions = [_session(store, attempt) for attempt in epoch.attempts]
    return pooling.pool(profile, sessions, epochs=epoch.epoch.number)


def _session(store: Store, attempt: Attempt) -> Session | None:
    """Return the facts of an attempt; None while no record came of it."""
    row = None if attempt.record_digest is None else store.sessions.record(attempt.record_digest)
    if row is None or row.judgement is None:
        return None
    record = stored(Record, row.envelope)
    return Session(
        began_unix_us=attempt.issued_unix_us,
        evidence=record.evidence,
        environment=record.environment,
        faults=_JUDGEMENT.validate_json(row.judgement).faults,
    )


def _grant(store: Store, attempt: Attempt) -> Grant:
    row = store.sessions.grant(attempt.grant_digest)
    if row is None:
        raise LookupError(f"grant {attempt.grant_digest} was listed and is not in the store")
    return stored(Grant, row.envelope)
