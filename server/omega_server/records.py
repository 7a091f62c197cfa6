"""What is given out of a stored record: the bundle, and to whom.

An operator sees every record, a device its own: it asks with a request that it seals with its key,
in the header `Authorization: Omega <envelope in base64url>`. The request names the one record and a
time, and is good for some minutes; who could read it on the way could read the record as well.
"""

from __future__ import annotations

import json

from omega_core.bundle import Bundle
from omega_core.clock import Clock
from omega_core.control import ReadRequest
from omega_core.envelope import PayloadType, parse_envelope
from omega_core.key_events import SERVER_ID
from omega_core.key_history import KeyState, state_at
from omega_core.keys import NotAKeyError, SigningKey, from_base64url
from omega_core.limits import READ_REQUEST_LIFE_S
from omega_core.units import US_PER_S
from omega_server import transparency
from omega_server.envelopes import content, public_key, signed_payload, unsealed
from omega_server.keys import sealed_revocations
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import LogBrokenError
from omega_server.store.port import Store
from omega_server.store.rows import GrantRow, RecordRow, Signer


def known(store: Store, digest: str) -> RecordRow:
    """Return the record; raises RefusalError `record_unknown`."""
    row = store.sessions.record(digest)
    if row is None:
        raise RefusalError(Code.RECORD_UNKNOWN, "there is no record with this digest")
    return row


def check_reader(store: Store, proof: str, digest: str, clock: Clock) -> None:
    """Raise RefusalError `not_authorised` unless the proof is of the device that made the record.

    What else may be wrong with the proof is refused by its own name. A record that is not there is
    refused as one that is somebody else's: digests can't be tried out.
    """
    try:
        sealed = unsealed(from_base64url(proof))
    except (NotAKeyError, UnicodeError) as error:
        raise RefusalError(Code.NOT_AUTHORISED, "the proof can't be read") from error
    kid = sealed.signatures[0].kid
    signer = store.enrolment.signer(kid)
    if signer is None or state_at(signer.life, clock.unix_us()) is not KeyState.ACTIVE:
        raise RefusalError(Code.NOT_AUTHORISED, "no agent of this server has this key")
    payload = signed_payload(sealed, PayloadType.READ_REQUEST, public_key(signer.key))
    request = content(ReadRequest, payload)
    if abs(clock.unix_us() - request.requested_unix_us) > READ_REQUEST_LIFE_S * US_PER_S:
        raise RefusalError(
            Code.NOT_AUTHORISED, "the request is of another time; see GET /v1/server"
        )
    row = store.sessions.record(digest)
    if request.record_digest != digest or row is None or not _is_mine(row, kid, signer):
        raise RefusalError(Code.NOT_AUTHORISED, "not a record of this device")


def _is_mine(row: RecordRow, kid: str, signer: Signer) -> bool:
    """Say whether this device made the record, with this key or with another of its keys."""
    return row.agent_kid == kid or (row.agent_id is not None and row.agent_id == signer.agent_id)


def bundle_of(store: Store, row: RecordRow, key: SigningKey) -> Bundle:
    """Return the record with everything that is needed to check it without a network.

    What was said against the keys of it until now is sealed with `key`, the server's.
    """
    grant = store.sessions.grant(row.grant_digest) if row.grant_digest else None
    observation = store.sessions.observation(row.session_id) if row.session_id else None
    return Bundle(
        record=_text(row.envelope),
        grant=_text(grant.envelope) if grant else None,
        observation=_text(observation.envelope) if observation else None,
        receipt=_text(row.receipt),
        keys=_keys(store, row, grant),
        key_events=_key_events(store, row, grant, key),
        run_key=grant.agent_key if grant and row.agent_id is None else None,
        profile=_profile(store, grant),
        proof=_proof(store, row),
    )


def _keys(store: Store, row: RecordRow, grant: GrantRow | None) -> tuple[str, ...]:
    statements = []
    signed = store.keys.key(row.agent_kid) if row.agent_id else None
    if signed is not None and signed.statement is not None:
        statements.append(_text(signed.statement))
    observation = store.sessions.observation(row.session_id) if row.session_id else None
    if observation is not None and grant is not None:
        test_point = store.enrolment.test_point_named(observation.test_point_id)
        if test_point is not None:
            statements.append(_text(test_point.statement))
    return tuple(statements)


def _key_events(
    store: Store, row: RecordRow, grant: GrantRow | None, key: SigningKey
) -> tuple[str, ...]:
    """Return how the server's key and the device's came to be, and what was said against them."""
    server = store.keys.rotations("server", SERVER_ID)
    earlier = [each.old_kid for each in server]
    if key.public.kid in earlier:  # this process was started before the last rotation
        earlier = earlier[: earlier.index(key.public.kid)]
    agent = store.keys.rotations("agent", row.agent_id) if row.agent_id else ()
    kids = [*earlier, row.agent_kid]  # a server's key is revoked by one that followed it
    observation = store.sessions.observation(row.session_id) if row.session_id else None
    if observation is not None and grant is not None:
        kids.append(parse_envelope(observation.envelope).signatures[0].kid)
    return (
        *(_text(each.envelope) for each in (*server, *agent)),
        *sealed_revocations(store, kids, key),
    )


def _profile(store: Store, grant: GrantRow | None) -> dict[str, object] | None:
    if grant is None or grant.profile_digest is None:
        return None
    profile = store.sessions.profile(grant.profile_digest)
    if profile is None:
        return None
    parsed: dict[str, object] = json.loads(profile.content)
    return parsed


def _proof(store: Store, row: RecordRow) -> str | None:
    """Return the log's proof; a record is given out all the same where the log is broken."""
    try:
        return transparency.proof_of(store, row.digest).to_text()
    except (RefusalError, LogBrokenError):
        return None


def _text(envelope: bytes) -> str:
    return envelope.decode("utf-8")
