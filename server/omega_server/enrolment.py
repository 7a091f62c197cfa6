"""Enrolment: a device that holds a one-time token brings the key it made, and gets a name.

The request is sealed with that key, which proves possession; it names the server's key as the
device pinned it, so a device can't enrol at a server it did not mean. A token is 192 random bits,
lives three days and works once; only its digest is kept. It is random, single and the server's own,
so it is the challenge that the proof answers: no further nonce is asked for. Asking again with the
same key and token gives the same answer, because the first may have been lost on the way.
"""

from __future__ import annotations

from omega_core.clock import Clock
from omega_core.control import EnrolmentAnswer, EnrolmentRequest
from omega_core.envelope import PayloadType
from omega_core.keys import PublicKey, SigningKey
from omega_core.limits import ENROLMENT_TOKEN_LIFE_S
from omega_core.units import US_PER_S
from omega_server import sheets
from omega_server.envelopes import content, public_key, signed_payload, unsealed
from omega_server.identity import new_token, statement_of, token_digest
from omega_server.ids import agent_name
from omega_server.keys import KeyEvent, check_passed, check_reason, check_usable, revoke_key
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import NotThereError, TokenRefusedError
from omega_server.store.port import Store
from omega_server.store.rows import AgentRow, EventRow, TokenBinding, TokenRow

_REFUSALS = {
    "unknown": (Code.TOKEN_UNKNOWN, "this server has made no such token"),
    "used": (Code.TOKEN_USED, "the token was used by another device"),
    "expired": (Code.TOKEN_EXPIRED, "the token has expired"),
    "bound": (Code.TOKEN_BOUND, "the token was made for another serial number or sheet"),
}


def make_token(
    store: Store, now_unix_us: int, *, serial: str | None = None, sheet_id: str | None = None
) -> str:
    """Return a new enrolment token; it can't be shown again.

    With a serial number or a sheet it enrols only a device that names them. Raises RefusalError
    `sheet_unknown`.
    """
    if sheet_id is not None:
        sheets.known(store, sheet_id)
    token = new_token()
    store.enrolment.add_token(
        TokenRow(
            digest=token_digest(token),
            created_unix_us=now_unix_us,
            expires_unix_us=now_unix_us + ENROLMENT_TOKEN_LIFE_S * US_PER_S,
            serial=serial,
            sheet_id=sheet_id,
        )
    )
    return token


def revoke(
    store: Store,
    agent_id: str,
    reason: str,
    now_unix_us: int,
    *,
    invalid_since_unix_us: int | None = None,
) -> AgentRow:
    """Take an agent and all its keys out of use; raises RefusalError `agent_unknown`.

    `invalid_since_unix_us` is since when somebody else may have had them; see `revoke_key`.
    """
    check_reason(reason)
    check_passed(invalid_since_unix_us, now_unix_us)
    event = EventRow(
        subject="agent",
        subject_id=agent_id,
        kind="revoked",
        at_unix_us=now_unix_us,
        content={"reason": reason},
    )
    try:
        row = store.enrolment.revoke(agent_id, event)
    except NotThereError as error:
        raise RefusalError(Code.AGENT_UNKNOWN, str(error)) from error
    for key in store.keys.keys_of("agent", agent_id):  # by now they are: this is what bundles say
        revoke_key(
            store,
            key.kid,
            reason,
            invalid_since_unix_us=invalid_since_unix_us,
            now_unix_us=now_unix_us,
        )
    return row


def _enrolled(agent: AgentRow, request: EnrolmentRequest) -> EventRow:
    return EventRow(
        subject="agent",
        subject_id=agent.agent_id,
        kind=KeyEvent.ISSUED,
        at_unix_us=agent.enrolled_unix_us,
        content={"kid": agent.kid, "serial": request.serial, "sheet_id": request.sheet_id},
    )


class Enrolment:
    """Answers `POST /v1/agents`."""

    def __init__(self, store: Store, key: SigningKey, clock: Clock) -> None:
        self._store = store
        self._key = key
        self._clock = clock

    def enrol(self, data: bytes) -> EnrolmentAnswer:
        """Return the agent's name and the statement of its key; raises RefusalError."""
        request, key = self._opened(data)
        if request.server_key != self._key.public.text:
            detail = "the device was told to expect another server's key"
            raise RefusalError(Code.SERVER_KEY_MISMATCH, detail)
        signer = self._store.enrolment.signer(key.kid)
        if signer is not None:
            check_usable(signer.life, self._clock.unix_us())
        agent = self._kept(request, key)
        return EnrolmentAnswer(agent_id=agent.agent_id, statement=agent.statement.decode("ascii"))

    def _opened(self, data: bytes) -> tuple[EnrolmentRequest, PublicKey]:
        sealed = unsealed(data)
        request = content(EnrolmentRequest, sealed.payload)
        key = public_key(request.agent_key)
        signed_payload(sealed, PayloadType.ENROLMENT, key)
        return request, key

    def _kept(self, request: EnrolmentRequest, key: PublicKey) -> AgentRow:
        now = self._clock.unix_us()
        name = agent_name(self._store.enrolment.next_number("agent"))
        agent = AgentRow(
            agent_id=name,
            kid=key.kid,
            key=key.text,
            statement=statement_of(self._key, "agent", name, key, now),
            enrolled_unix_us=now,
        )
        try:
            return self._store.enrolment.enrol(
                agent,
                token_digest=token_digest(request.token),
                binding=TokenBinding(serial=request.serial, sheet_id=request.sheet_id),
                event=_enrolled(agent, request),
            )
        except TokenRefusedError as error:
            code, detail = _REFUSALS[error.why]
            raise RefusalError(code, detail) from error
