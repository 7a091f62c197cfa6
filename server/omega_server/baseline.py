"""A line's birth certificate, and what a record says beside it: then and now.

The birth certificate is the last record that brought an installation sheet of the subscriber to
`measured` with a pass. Two lines are compared metric by metric, in whole numbers; nothing is judged
here, because the plan's profile does that.
"""

from __future__ import annotations

from dataclasses import dataclass

from omega_core.metrics import METRICS, Better
from omega_core.record import Record
from omega_core.units import PPM
from omega_core.verdict import Mode, Verdict
from omega_server.envelopes import stored
from omega_server.store.port import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One metric, then and now; None where it was not measured.

    `worse_by_ppm` is how much worse it is, in parts of what it was: negative where it is better,
    None where that can't be said.
    """

    metric: str
    unit: str
    then: int | None
    now: int | None
    worse_by_ppm: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A record beside the line's birth certificate."""

    baseline_digest: str
    baseline_sheet_id: str
    digest: str
    metrics: tuple[Compared, ...]


@dataclass(frozen=True, slots=True)
class BirthCertificate:
    """The record under which a line was handed over."""

    sheet_id: str
    digest: str


def birth_certificate(store: Store, subscriber_ref: str) -> BirthCertificate | None:
    """Return the last accepted installation record of a subscriber; None where there is none."""
    for sheet in reversed(store.cases.sheets(subscriber_ref)):
        for posting in reversed(store.sessions.postings(sheet_id=sheet.sheet_id)):
            is_standard = posting.granted and posting.mode == Mode.STANDARD
            if is_standard and posting.verdict == Verdict.PASS:
                return BirthCertificate(sheet.sheet_id, posting.digest)
    return None


def compared(store: Store, certificate: BirthCertificate, digest: str) -> Comparison | None:
    """Return a record beside the birth certificate; None where either is not stored."""
    then, now = _record(store, certificate.digest), _record(store, digest)
    if then is None or now is None:
        return None
    return Comparison(
        baseline_digest=certificate.digest,
        baseline_sheet_id=certificate.sheet_id,
        digest=digest,
        metrics=tuple(
            _compared(name, then.metrics[name].value, now.metrics[name].value) for name in METRICS
        ),
    )


def _compared(name: str, then: int | None, now: int | None) -> Compared:
    worse_by_ppm = None
    if then and now is not None:
        worse_by = now - then if METRICS[name].better is Better.LOWER else then - now
        worse_by_ppm = -(-worse_by * PPM // then)  # rounded towards the worse side
    return Compared(
        metric=name, unit=METRICS[name].unit, then=then, now=now, worse_by_ppm=worse_by_ppm
    )


def _record(store: Store, digest: str) -> Record | None:
    row = store.sessions.record(digest)
    return None if row is None else stored(Record, row.envelope)
