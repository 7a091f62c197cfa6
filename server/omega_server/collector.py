"""The Collector: a signed record comes in, a signed receipt goes out once the record is durable.

    bytes --> Idempotency-Key --> envelope --> known? --> whose key --> signature --> content
          --> grant --> metrics follow from the evidence --> observers --> verdict
          --> one transaction: place in the transparency log, receipt, bytes, log of sheet or ticket
          --> receipt

What always holds:

- A receipt leaves only after the commit, and it is stored in the same transaction: whoever posts
  the same bytes again, fifty times at once too, gets the same bytes back. It is signed inside that
  transaction, because it names the record's place in the log.
- Nothing is parsed that has not been checked before: size, then signature, then content.
- What a key is worth is asked when the record enters: one that was replaced less than seven days
  ago is as good as the present one, so nothing that waits in an outbox is lost by a rotation.
- A grant leads to one record. When it was used does not matter here: a record may arrive days after
  its grant has expired, because the line was down; the test point is bound to the grant's life.
- A device has one record at each place of its chain; a second one is from a copy of the device.
- The verdict is made here, from evidence and profile; the agent's preview decides nothing. Two
  observers who disagree make the run invalid, and both their statements are kept.
- A record whose stated metrics do not follow from its own evidence is refused (`metrics_mismatch`)
  and not stored: a receipt under it would vouch for numbers that nobody can recompute. Value, unit,
  sample size and reason must be those of `omega_core.derive`; `method` is prose and not compared.
- A record without a grant (a dead line) is kept and shown where it says it belongs. It is judged by
  nobody: no profile was pinned and no second observer saw it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from pydantic import TypeAdapter

from omega_acceptance.evaluate import evaluate
from omega_acceptance.profile import AcceptanceProfile
from omega_acceptance.schema import profile_from_content
from omega_acceptance.zone.of_record import zone_of
from omega_core.clock import Clock
from omega_core.control import Grant, LogPosition, Observation, Receipt
from omega_core.derive import Derived, derive
from omega_core.envelope import PayloadType, Sealed, seal
from omega_core.keys import SigningKey
from omega_core.models import model_bytes
from omega_core.record import Record
from omega_core.saturation import faults_observed
from omega_core.verdict import Fault, Judgement
from omega_server import sheets, tickets
from omega_server.envelopes import content, public_key, signed_payload, stored, unsealed
from omega_server.keys import check_usable
from omega_server.lines.placing import place_by_records
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import GrantUsedError, ObservationKnownError, SeqUsedError
from omega_server.store.port import LogSigner, Store
from omega_server.store.rows import (
    EventRow,
    GrantRow,
    ObservationRow,
    RecordDraft,
    RecordRow,
    Signer,
)

_JUDGEMENT = TypeAdapter(Judgement)
_PROFILES_KEPT = 256  # a national operator sells fewer plans; one parsed profile is some 20 KiB


class Observers:
    """What the two observers of a session came to; shown beside the record."""

    AGREE = "agree"
    DISAGREE = "disagree"
    MISSING = "observation_missing"
    NOT_GRANTED = "not_granted"


@dataclass(frozen=True, slots=True)
class Posted:
    """The stored record. `is_new` is false when it was known before."""

    row: RecordRow
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Judged:
    observers: str
    judgement: Judgement | None


class Collector:
    """Answers `POST /v1/records` and `POST /v1/observations`."""

    def __init__(self, *, store: Store, key: SigningKey, log: LogSigner, clock: Clock) -> None:
        self._store = store
        self._key = key
        self._log = log
        self._clock = clock
        self._profile = lru_cache(maxsize=_PROFILES_KEPT)(self._load_profile)

    def post(self, data: bytes, idempotency_key: str) -> Posted:
        """Return the record as it is stored, with its receipt; raises RefusalError."""
        sealed = unsealed(data)
        if sealed.payload_digest != idempotency_key:
            raise RefusalError(
                Code.IDEMPOTENCY_MISMATCH, "Idempotency-Key is not the payload's digest"
            )
        known = self._store.sessions.record(idempotency_key)
        if known is not None:
            return _same_bytes(known, sealed)
        signer = self._signer_of(sealed)
        record = content(Record, signed_payload(sealed, PayloadType.RECORD, public_key(signer.key)))
        _check_agent(record, sealed, signer)
        grant = self._granted(record, signer)
        self._check_place(record)
        derived = derive(record.evidence)
        _check_metrics(record, derived)
        return self._keep(data, sealed, record, self._judged(record, grant, derived), grant)

    def observe(self, data: bytes) -> tuple[str, bool]:
        """Keep a test point's observation; return its digest, and whether it is new.

        Raises RefusalError.
        """
        sealed = unsealed(data)
        test_point = self._store.enrolment.test_point(sealed.signatures[0].kid)
        if test_point is None:
            raise RefusalError(Code.TEST_POINT_UNKNOWN, "no test point of this server has this key")
        if self._store.keys.revocations(test_point.kid):
            raise RefusalError(Code.TEST_POINT_REVOKED, "the key of this test point was revoked")
        payload = signed_payload(sealed, PayloadType.OBSERVATION, public_key(test_point.key))
        observation = content(Observation, payload)
        grant = self._store.sessions.grant(observation.grant_digest)
        if grant is None:
            raise RefusalError(Code.GRANT_UNKNOWN, "this server has issued no such grant")
        if (observation.session_id, observation.test_point) != (
            grant.session_id,
            test_point.test_point_id,
        ):
            raise RefusalError(Code.GRANT_MISMATCH, "not the session or test point of the grant")
        row = ObservationRow(
            digest=sealed.payload_digest,
            session_id=observation.session_id,
            grant_digest=observation.grant_digest,
            test_point_id=observation.test_point,
            envelope=data,
            received_unix_us=self._clock.unix_us(),
        )
        try:
            return row.digest, self._store.sessions.add_observation(row)
        except ObservationKnownError as error:
            raise RefusalError(Code.OTHER_BYTES_KNOWN, str(error)) from error

    def _signer_of(self, sealed: Sealed) -> Signer:
        signer = self._store.enrolment.signer(sealed.signatures[0].kid)
        if signer is None:
            raise RefusalError(Code.AGENT_UNKNOWN, "no agent of this server has this key")
        check_usable(signer.life, self._clock.unix_us())
        return signer

    def _granted(self, record: Record, signer: Signer) -> Grant | None:
        if record.grant_digest is None:
            if signer.agent_id is None or record.agent.id is None:
                detail = "a record without a grant needs an enrolled device"
                raise RefusalError(Code.AGENT_UNKNOWN, detail)
            return None
        row = self._store.sessions.grant(record.grant_digest)
        if row is None:
            raise RefusalError(Code.GRANT_UNKNOWN, "this server has issued no such grant")
        if row.agent_kid != record.agent.kid:
            raise RefusalError(Code.GRANT_OF_ANOTHER_AGENT, "the grant was issued to another key")
        grant = stored(Grant, row.envelope)
        for name in _differences(record, grant, row):
            raise RefusalError(Code.GRANT_MISMATCH, f"{name} is not what was granted")
        return grant

    def _check_place(self, record: Record) -> None:
        session = record.session
        if (session.purpose == "install") != (session.sheet_id is not None) or (
            session.purpose == "ticket"
        ) != (session.ticket_id is not None):
            raise RefusalError(Code.SCHEMA_INVALID, "the purpose does not go with sheet or ticket")
        if record.grant_digest is not None:
            return  # the grant named it, and it was looked up then
        if session.sheet_id is not None:
            sheets.known(self._store, session.sheet_id)
        if session.ticket_id is not None:
            tickets.known(self._store, session.ticket_id)

    def _judged(self, record: Record, grant: Grant | None, derived: Derived) -> _Judged:
        if grant is None:
            return _Judged(Observers.NOT_GRANTED, None)
        observers, observed = self._observers(record, grant)
        faults = tuple(dict.fromkeys((*record.validity, *observed)))
        if grant.profile is None:
            return _Judged(observers, None)
        judgement = evaluate(
            self._profile(grant.profile.digest),
            grant.mode,
            evidence=record.evidence,
            environment=record.environment,
            faults=faults,
            derived=derived,
        )
        return _Judged(observers, judgement)

    def _observers(self, record: Record, grant: Grant) -> tuple[str, tuple[Fault, ...]]:
        """Compare with the observation of the session, whether the record names it or not.

        One that the record names and that is not here did not arrive; that is noted, and no more.
        Return what came of it, and what it says against the session.
        """
        row = self._store.sessions.observation(grant.session_id)
        if row is None:
            return Observers.MISSING, ()
        if record.observation_digest not in {None, row.digest}:
            return Observers.DISAGREE, (Fault.OBSERVERS_DISAGREE,)
        observation = stored(Observation, row.envelope)
        faults = faults_observed(record.evidence, observation)
        if Fault.OBSERVERS_DISAGREE in faults:
            return Observers.DISAGREE, faults
        return Observers.AGREE, faults

    def _load_profile(self, digest: str) -> AcceptanceProfile:
        row = self._store.sessions.profile(digest)
        if row is None:
            raise LookupError(f"profile {digest} was granted and is not in the store")
        return profile_from_content(json.loads(row.content))

    def _keep(
        self, data: bytes, sealed: Sealed, record: Record, judged: _Judged, grant: Grant | None
    ) -> Posted:
        draft = _draft_of(data, sealed, record, judged, now=self._clock.unix_us())

        def receipt(place: LogPosition) -> bytes:
            stated = _receipt_of(draft, record, judged, place)
            return seal(model_bytes(stated), PayloadType.RECEIPT, self._key)

        try:
            row, is_new = self._store.sessions.add_record(
                draft,
                [*_event_of(draft, judged, grant), *self._zone_of(draft, record, judged, grant)],
                log=self._log,
                receipt=receipt,
            )
        except GrantUsedError as error:
            raise RefusalError(Code.GRANT_USED, str(error)) from error
        except SeqUsedError as error:
            raise RefusalError(Code.SEQ_USED, str(error)) from error
        if not is_new:
            return _same_bytes(row, sealed)
        if row.agent_id is not None:
            place_by_records(self._store, row.agent_id, row.received_unix_us)
        return Posted(row, is_new=True)

    def _zone_of(
        self, draft: RecordDraft, record: Record, judged: _Judged, grant: Grant | None
    ) -> Iterator[EventRow]:
        """Yield the entry that says where a ticket's fault is, if the record looked at the path."""
        if draft.ticket_id is None or record.evidence.path is None:
            return
        profile = self._profile(grant.profile.digest) if grant and grant.profile else None
        finding = zone_of(record, judged.judgement, profile)
        if finding is not None:
            yield tickets.zone_event(draft, finding)


def _same_bytes(known: RecordRow, sealed: Sealed) -> Posted:
    if known.envelope_digest != sealed.envelope_digest:
        raise RefusalError(Code.OTHER_BYTES_KNOWN, "this record is known in another envelope")
    return Posted(known, is_new=False)


def _check_agent(record: Record, sealed: Sealed, signer: Signer) -> None:
    is_the_key = record.agent.kid == sealed.signatures[0].kid
    if not is_the_key or record.agent.id not in {None, signer.agent_id}:
        raise RefusalError(Code.KEY_MISMATCH, "the record names another agent than its signature")


def _differences(record: Record, grant: Grant, asked: GrantRow) -> list[str]:
    """Return the names of what the record states otherwise than its grant, or than was asked for.

    A record may leave the test point out: it was named in the grant and never reached.
    """
    session = record.session
    pairs = {
        "session.id": (session.id, grant.session_id),
        "session.purpose": (session.purpose, grant.purpose),
        "session.mode": (session.mode, grant.mode),
        "session.sheet_id": (session.sheet_id, grant.sheet_id),
        "session.ticket_id": (session.ticket_id, grant.ticket_id),
        "session.changed": (session.changed, grant.changed),
        "session.test_point": (session.test_point or grant.test_point.id, grant.test_point.id),
        "agent.id": (record.agent.id, asked.agent_id),
        "chain.seq": (record.chain.seq, asked.seq),
        "plan_id": (record.plan_id, grant.plan_id),
        "profile": (record.profile, grant.profile),
    }
    return [name for name, (stated, granted) in pairs.items() if stated != granted]


def _check_metrics(record: Record, derived: Derived) -> None:
    """Refuse a record that states other metrics than its evidence gives."""
    for name, metric in derived.metrics.items():
        stated = record.metrics[name]
        if (stated.value, stated.samples, stated.reason) != (
            metric.value,
            metric.samples,
            metric.reason,
        ):
            raise RefusalError(Code.METRICS_MISMATCH, f"{name} does not follow from the evidence")


def _receipt_of(draft: RecordDraft, record: Record, judged: _Judged, place: LogPosition) -> Receipt:
    session = record.session
    posted_id = session.sheet_id or session.ticket_id
    return Receipt(
        record_digest=draft.digest,
        envelope_digest=draft.envelope_digest,
        session_id=session.id,
        received_unix_us=draft.received_unix_us,
        posted_to="sheet" if session.sheet_id else "ticket" if session.ticket_id else "nobody",
        posted_id=posted_id,
        verdict=judged.judgement.verdict if judged.judgement else None,
        log=place,
        rules=judged.judgement.rules if judged.judgement else None,
    )


def _draft_of(
    data: bytes, sealed: Sealed, record: Record, judged: _Judged, *, now: int
) -> RecordDraft:
    judgement = judged.judgement
    return RecordDraft(
        digest=sealed.payload_digest,
        envelope_digest=sealed.envelope_digest,
        envelope=data,
        grant_digest=record.grant_digest,
        session_id=record.session.id,
        agent_id=record.agent.id,
        agent_kid=record.agent.kid,
        mode=record.session.mode.value,
        sheet_id=record.session.sheet_id,
        ticket_id=record.session.ticket_id,
        observers=judged.observers,
        verdict=judgement.verdict.value if judgement else None,
        judgement=_JUDGEMENT.dump_json(judgement).decode() if judgement else None,
        received_unix_us=now,
        seq=record.chain.seq,
        clock_offset_us=record.clocks.offset_to_server_us,
    )


def _event_of(row: RecordDraft, judged: _Judged, grant: Grant | None) -> Iterator[EventRow]:
    now = row.received_unix_us
    if row.sheet_id is not None:
        is_completing = sheets.completes(
            row.mode, row.verdict, granted=row.grant_digest is not None
        )
        yield sheets.record_event(
            row.sheet_id,
            row.digest,
            verdict=row.verdict,
            is_completing=is_completing,
            now_unix_us=now,
        )
    elif row.ticket_id is not None:
        asked_unix_us = None if grant is None else grant.issued_unix_us
        yield tickets.record_event(row, judged.judgement, asked_unix_us)
