"""Standing grants go out, availability records come in.

    StandingRequest --> envelope --> an enrolled key, usable --> StandingGrant, sealed
    record --> Idempotency-Key --> envelope --> known? --> whose key --> signature --> content
           --> one transaction: place in the transparency log, receipt, bytes --> receipt

A standing grant costs the server nothing and is kept nowhere: it holds for one key, at one test
point, for `STANDING_GRANT_LIFE_S`, and whoever asks again gets a later one. So a replayed request
gains nobody anything, and a device whose clock is wrong is served like any other. A key that is
revoked can watch on until its grant ends; what it posts is refused.

Records stand in the same append-only table and the same log as measurement records, with mode
`availability`: bytes, receipt and proof are given out by the same calls. Their place in the watch's
own chain stands in the record; the column of the measurements' chain stays empty. Beside each a row
says its time and its place in the watch's chain, written with it: `omega_server.lines` finds the
records of a month by these.
"""

from __future__ import annotations

from omega_core import limits
from omega_core.availability_record import AvailabilityRecord
from omega_core.clock import Clock
from omega_core.control import LogPosition, Receipt
from omega_core.envelope import PayloadType, Sealed, seal
from omega_core.keys import SigningKey
from omega_core.models import model_bytes
from omega_core.standing import StandingGrant, StandingRequest
from omega_core.units import US_PER_S
from omega_server.collector import Posted
from omega_server.envelopes import content, public_key, signed_payload, unsealed
from omega_server.keys import check_usable
from omega_server.lines.placing import place_by_records
from omega_server.places import TestPoints
from omega_server.refusals import Code, RefusalError
from omega_server.store.port import LogSigner, Store
from omega_server.store.rows import (
    AVAILABILITY_MODE,
    RecordDraft,
    RecordRow,
    Signer,
    WindowRow,
)

_ONE_OBSERVER = "observation_missing"


class AvailabilityDesk:
    """Answers `POST /v1/standing-grants` and `POST /v1/availability`."""

    def __init__(
        self,
        *,
        store: Store,
        key: SigningKey,
        log: LogSigner,
        test_points: TestPoints,
        clock: Clock,
    ) -> None:
        self._store = store
        self._key = key
        self._log = log
        self._test_points = test_points
        self._clock = clock

    def grant(self, data: bytes) -> bytes:
        """Return a sealed standing grant for a sealed request; raises RefusalError."""
        sealed = unsealed(data)
        signer = self._signer_of(sealed)
        key = public_key(signer.key)
        request = content(
            StandingRequest, signed_payload(sealed, PayloadType.STANDING_REQUEST, key)
        )
        if (request.agent_id, request.agent_key) != (signer.agent_id, signer.key):
            raise RefusalError(Code.KEY_MISMATCH, "the request names another agent than its key")
        place = self._test_points.ready()
        if place is None:
            raise RefusalError(Code.BUSY, "no test point is up")
        now = self._clock.unix_us()
        grant = StandingGrant(
            agent_key=signer.key,
            nonce=request.nonce,
            test_point=place.id,
            test_point_key=place.key,
            addresses=place.addresses,
            udp_port=place.udp_port,
            not_before_unix_us=now,
            not_after_unix_us=now + limits.STANDING_GRANT_LIFE_S * US_PER_S,
        )
        return seal(model_bytes(grant), PayloadType.STANDING_GRANT, self._key)

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
        key = public_key(signer.key)
        record = content(AvailabilityRecord, signed_payload(sealed, PayloadType.AVAILABILITY, key))
        if (record.agent.kid, record.agent.id) != (key.kid, signer.agent_id):
            raise RefusalError(
                Code.KEY_MISMATCH, "the record names another agent than its signature"
            )
        return self._keep(data, sealed, record)

    def _signer_of(self, sealed: Sealed) -> Signer:
        signer = self._store.enrolment.signer(sealed.signatures[0].kid)
        if signer is None or signer.agent_id is None:
            raise RefusalError(Code.AGENT_UNKNOWN, "a watch needs an enrolled device")
        check_usable(signer.life, self._clock.unix_us())
        return signer

    def _keep(self, data: bytes, sealed: Sealed, record: AvailabilityRecord) -> Posted:
        draft = RecordDraft(
            digest=sealed.payload_digest,
            envelope_digest=sealed.envelope_digest,
            envelope=data,
            grant_digest=None,
            session_id=None,
            agent_id=record.agent.id,
            agent_kid=record.agent.kid,
            mode=AVAILABILITY_MODE,
            sheet_id=None,
            ticket_id=None,
            observers=_ONE_OBSERVER,
            verdict=None,
            judgement=None,
            received_unix_us=self._clock.unix_us(),
            seq=None,
            clock_offset_us=None,
        )

        def receipt(place: LogPosition) -> bytes:
            stated = Receipt(
                record_digest=draft.digest,
                envelope_digest=draft.envelope_digest,
                session_id=None,
                received_unix_us=draft.received_unix_us,
                posted_to="nobody",
                posted_id=None,
                verdict=None,
                log=place,
            )
            return seal(model_bytes(stated), PayloadType.RECEIPT, self._key)

        row, is_new = self._store.sessions.add_record(
            draft, (), log=self._log, receipt=receipt, window=_window_of(draft, record)
        )
        if not is_new:
            return _same_bytes(row, sealed)
        place_by_records(self._store, record.agent.id or "", row.received_unix_us)
        return Posted(row, is_new=True)


def _window_of(draft: RecordDraft, record: AvailabilityRecord) -> WindowRow:
    watched = record.watched
    sure = [each for each in watched.outages if each.is_sure]
    return WindowRow(
        digest=draft.digest,
        agent_id=record.agent.id or "",  # it is the signer's, which has one
        agent_kid=record.agent.kid,
        test_point=record.test_point,
        seq=record.seq,
        prev=record.prev,
        started_us=watched.started_us,
        ended_us=watched.ended_us,
        clock_step_us=record.clock_step_us,
        outages=len(watched.outages),
        sure_outages=len(sure),
        gaps=len(watched.gaps),
        is_down=bool(sure) and sure[-1].until_us is None,
        received_unix_us=draft.received_unix_us,
    )


def _same_bytes(known: RecordRow, sealed: Sealed) -> Posted:
    if known.envelope_digest != sealed.envelope_digest:
        raise RefusalError(Code.OTHER_BYTES_KNOWN, "this record is known in another envelope")
    return Posted(known, is_new=False)
