"""Who is asked, and whether who asks may: the agent of a wish, and the agent of a message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from omega_core.clock import Clock
from omega_core.envelope import Sealed
from omega_core.instruction import CheckIn, InstructionReport
from omega_server import sheets, tickets
from omega_server.envelopes import content, public_key, signed_payload, unsealed
from omega_server.instructing.wishes import InstructionWish
from omega_server.keys import check_usable
from omega_server.refusals import Code, RefusalError
from omega_server.store.line_port import PlacedBy
from omega_server.store.port import Store
from omega_server.store.rows import AgentRow

_MessageT = TypeVar("_MessageT", CheckIn, InstructionReport)


def agent_of(store: Store, wish: InstructionWish) -> str:
    """Return the agent a wish is for: the one it names, else the subscriber's own.

    Its own are those that stand on its line, and those whose tokens were made for a sheet of it,
    unless an operator has said that they stand elsewhere. Of several the one that was seen last.
    Raises RefusalError `agent_unknown` where the subscriber has none.
    """
    if wish.agent_id is not None:
        return wish.agent_id
    subscriber_ref = _subscriber_of(store, wish)
    usable = [
        device.agent_id
        for device in _devices_of(store, subscriber_ref)
        if device.revoked_unix_us is None
    ]
    if not usable:
        detail = f"no device of subscriber {subscriber_ref} is enrolled, or stands on its line"
        raise RefusalError(Code.AGENT_UNKNOWN, detail)
    seen = {name: store.presence.presence(name) for name in usable}
    return max(usable, key=lambda name: row.seen_unix_us if (row := seen[name]) else -1)


def _devices_of(store: Store, subscriber_ref: str) -> Iterator[AgentRow]:
    standing = [each for each in store.lines.stands(subscriber_ref) if each.until_unix_us is None]
    for stand in standing:
        row = store.enrolment.agent(stand.agent_id)
        if row is not None:
            yield row
    for row in store.enrolment.agents_of(subscriber_ref):
        place = store.lines.place_of(row.agent_id)
        if place is None or place.placed_by is not PlacedBy.OPERATOR:
            yield row


def _subscriber_of(store: Store, wish: InstructionWish) -> str:
    if wish.ticket_id is not None:
        return tickets.known(store, wish.ticket_id).subscriber_ref
    return sheets.known(store, wish.sheet_id or "").subscriber_ref


def said_by_agent(
    store: Store, clock: Clock, data: bytes, model: type[_MessageT], payload_type: str
) -> _MessageT:
    """Return a message that an enrolled agent has sealed with a key of its own.

    Raises RefusalError: what is wrong with envelope, signature, content or key, in this order.
    """
    sealed: Sealed = unsealed(data)
    signer = store.enrolment.signer(sealed.signatures[0].kid)
    if signer is None or signer.agent_id is None:
        raise RefusalError(Code.AGENT_UNKNOWN, "no enrolled device has this key")
    payload = signed_payload(sealed, payload_type, public_key(signer.key))
    message = content(model, payload)
    check_usable(signer.life, clock.unix_us())
    if message.agent_id != signer.agent_id:
        raise RefusalError(Code.KEY_MISMATCH, "this key is another agent's")
    return message
