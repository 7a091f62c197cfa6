"""Keys after their issue: a device's rotation, the server's own, revocations, what each is worth.

    POST /v1/agents/keys   KeyRotation, sealed by old and new key --> statement of the new key
    key rotate             server.pem.new --> rotation in the store --> server.pem
    key revoke             a row and a log entry; statements are sealed for whoever reads a record

What always holds:

- Whoever rotates a device's key holds both keys: both have signed, over this server's key and its
  time, so the envelope can't be carried to another server or kept for later.
- Only the present key can be followed. One that is superseded, though still good for what waits in
  an outbox, is refused here: a thief of an old key does not get a new one.
- The new server key is on the disk before the store knows it, and takes its place afterwards; a
  start, or the same command again, finishes what was cut short.
- A running server keeps the key it was started with, which is good for the overlap of seven days.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from omega_core import keyfile
from omega_core.clock import Clock
from omega_core.control import EnrolmentAnswer
from omega_core.envelope import EnvelopeError, PayloadType, seal
from omega_core.errors import UsageError
from omega_core.files import sync_directory
from omega_core.key_events import (
    SERVER_ID,
    KeyRevocation,
    KeyRotation,
    open_rotation,
    rotation_of,
    seal_rotation,
)
from omega_core.key_history import KeyLife, KeyState, state_at
from omega_core.keys import PublicKey, SigningKey
from omega_core.limits import KEY_CHAIN_MAX, KEY_EARLY_S, KEY_REASON_CHARS_MAX
from omega_core.models import model_bytes
from omega_core.units import US_PER_S
from omega_server.identity import SERVER_KEY_FILE, statement_of
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import AlreadyThereError, KeyReplacedError
from omega_server.store.key_port import KeyRole, KeyRow, RevocationRow, RotationRow
from omega_server.store.port import Store
from omega_server.store.rows import EventRow

NEW_SERVER_KEY_FILE = f"{SERVER_KEY_FILE}.new"


class KeyEvent:
    """What can happen to a key, in the log of its owner."""

    ISSUED = "key_issued"
    ROTATED = "key_rotated"
    REVOKED = "key_revoked"


def check_usable(life: KeyLife, at_unix_us: int) -> None:
    """Raise RefusalError `agent_revoked` or `key_superseded` for an agent's key out of use."""
    match state_at(life, at_unix_us):
        case KeyState.REVOKED | KeyState.COMPROMISED:
            raise RefusalError(Code.AGENT_REVOKED, "the key of this agent was revoked")
        case KeyState.SUPERSEDED:
            raise RefusalError(Code.KEY_SUPERSEDED, "another key took its place over a week ago")
        case KeyState.ACTIVE | KeyState.UNKNOWN:  # earlier than its issue: clocks of two servers
            return


class KeyDesk:
    """Answers `POST /v1/agents/keys`."""

    def __init__(self, store: Store, key: SigningKey, clock: Clock) -> None:
        self._store = store
        self._key = key
        self._clock = clock

    def rotate(self, data: bytes) -> EnrolmentAnswer:
        """Return the agent's name and the statement of its new key; raises RefusalError.

        The same two keys again get the same answer, however long after: the first may be lost.
        """
        rotation = _opened(data)
        now = self._clock.unix_us()
        old = self._present(rotation, now)
        row = self._row(rotation, data, old, now)
        event = _event(row.role, row.owner_id, KeyEvent.ROTATED, now, kid=row.kid, old=row.old_kid)
        try:
            kept = self._store.keys.rotate(row, event)
        except KeyReplacedError as error:
            raise RefusalError(Code.KEY_SUPERSEDED, str(error)) from error
        except AlreadyThereError as error:
            raise RefusalError(Code.KEY_MISMATCH, str(error)) from error
        if kept.statement is None:
            raise LookupError(f"rotation to {kept.kid} is in the store without its statement")
        return EnrolmentAnswer(agent_id=kept.owner_id, statement=kept.statement.decode("ascii"))

    def _present(self, rotation: KeyRotation, now: int) -> KeyRow:
        """Return the key that is to be followed, as the store has it."""
        if rotation.role != "agent":
            raise RefusalError(Code.SCHEMA_INVALID, "only a device's key is rotated here")
        if rotation.server_key != self._key.public.text:
            detail = "the device was told to expect another server's key"
            raise RefusalError(Code.SERVER_KEY_MISMATCH, detail)
        old = self._store.keys.key(rotation.old_kid)
        if old is None or old.role != "agent":
            raise RefusalError(Code.AGENT_UNKNOWN, "no enrolled device has this key")
        if old.owner_id != rotation.id:
            raise RefusalError(Code.KEY_MISMATCH, "this key is another agent's")
        new = self._store.keys.key(rotation.kid)
        # A lost answer is given again, though the old key may be too old by now for anything else.
        is_known = new is not None and new.owner_id == old.owner_id
        check_usable(new.life if new is not None and is_known else old.life, now)
        return old

    def _row(self, rotation: KeyRotation, data: bytes, old: KeyRow, now: int) -> RotationRow:
        if old.life.replaced_unix_us is None:  # else it is answered from the store
            if abs(now - rotation.rotated_unix_us) > KEY_EARLY_S * US_PER_S:
                detail = "the moment of the rotation is not this server's; see GET /v1/server"
                raise RefusalError(Code.NOT_FRESH, detail)
            if len(self._store.keys.rotations("agent", old.owner_id)) >= KEY_CHAIN_MAX:
                detail = f"a device's key is rotated {KEY_CHAIN_MAX} times at most; enrol it again"
                raise RefusalError(Code.KEY_SUPERSEDED, detail)
        key = PublicKey.from_text(rotation.key)
        return RotationRow(
            role="agent",
            owner_id=old.owner_id,
            old_kid=rotation.old_kid,
            kid=rotation.kid,
            key=rotation.key,
            envelope=data,
            statement=statement_of(self._key, "agent", old.owner_id, key, now),
            rotated_unix_us=rotation.rotated_unix_us,
        )


def rotate_server(store: Store, data: Path, now_unix_us: int) -> RotationRow:
    """Give the server of a data folder a new key; return the rotation.

    Raises UsageError for a key that is not the server's present one, or was revoked. Running
    servers go on with the old key until they are started again.
    """
    finish_rotation(store, data)
    old = keyfile.load(data / SERVER_KEY_FILE)
    line = store.keys.keys_of("server", SERVER_ID)
    if not line or line[-1].kid != old.public.kid:
        raise UsageError(f"{data / SERVER_KEY_FILE} is not the server's present key")
    if len(line) > KEY_CHAIN_MAX:
        raise UsageError(f"a server's key is rotated {KEY_CHAIN_MAX} times at most")
    new = keyfile.load_or_create(data / NEW_SERVER_KEY_FILE)
    rotation = rotation_of(
        "server",
        SERVER_ID,
        old=old.public,
        new=new.public,
        server_key=None,
        at_unix_us=now_unix_us,
    )
    row = RotationRow(
        role="server",
        owner_id=SERVER_ID,
        old_kid=rotation.old_kid,
        kid=rotation.kid,
        key=rotation.key,
        envelope=seal_rotation(rotation, old=old, new=new),
        statement=None,
        rotated_unix_us=now_unix_us,
    )
    event = _event("server", SERVER_ID, KeyEvent.ROTATED, now_unix_us, kid=row.kid, old=row.old_kid)
    kept = store.keys.rotate(row, event)
    finish_rotation(store, data)
    return kept


def finish_rotation(store: Store, data: Path) -> None:
    """Put a new server key in its place, when the store knows it and the file was not moved yet."""
    path = data / NEW_SERVER_KEY_FILE
    if not path.exists():
        return
    new = keyfile.load(path)
    line = store.keys.keys_of("server", SERVER_ID)
    if line and line[-1].kid == new.public.kid:
        path.replace(data / SERVER_KEY_FILE)
        sync_directory(path.parent)


def check_reason(reason: str) -> None:
    """Raise UsageError for a reason that says nothing, or does not fit a statement."""
    if not 1 <= len(reason) <= KEY_REASON_CHARS_MAX or "\0" in reason:
        raise UsageError(f"--reason: a sentence of 1 to {KEY_REASON_CHARS_MAX} characters")


def check_passed(invalid_since_unix_us: int | None, now_unix_us: int) -> None:
    """Raise UsageError for a doubt about the future."""
    if invalid_since_unix_us is not None and invalid_since_unix_us > now_unix_us:
        raise UsageError("--invalid-since: a moment that has passed")


def revoke_key(
    store: Store, kid: str, reason: str, *, invalid_since_unix_us: int | None, now_unix_us: int
) -> KeyRow:
    """Take one key out of use, or say that it was unsafe earlier; return it as it is then.

    Raises UsageError for a reason or a moment that can't be, RefusalError `key_unknown`, and
    UsageError for the server's present key: that one is rotated first.
    """
    check_reason(reason)
    check_passed(invalid_since_unix_us, now_unix_us)
    key = _known(store, kid)
    if key.role == "server" and store.keys.keys_of("server", SERVER_ID)[-1].kid == kid:
        raise UsageError("this is the server's present key: `omega-server key rotate` first")
    row = RevocationRow(
        role=key.role,
        owner_id=key.owner_id,
        kid=kid,
        reason=reason,
        revoked_unix_us=now_unix_us,
        invalid_since_unix_us=invalid_since_unix_us,
    )
    event = _event(
        key.role,
        key.owner_id,
        KeyEvent.REVOKED,
        now_unix_us,
        kid=kid,
        reason=reason,
        invalid_since_unix_us=invalid_since_unix_us,
    )
    store.keys.revoke(row, event)
    return _known(store, kid)


class Entered(Protocol):
    """A record that came in: which, under whose key, and when."""

    @property
    def digest(self) -> str:
        """The record's name."""
        ...

    @property
    def agent_kid(self) -> str:
        """The key that signed it."""
        ...

    @property
    def received_unix_us(self) -> int:
        """When it came in."""
        ...


def states_of(store: Store, postings: Sequence[Entered]) -> dict[str, KeyState]:
    """Return what the key of each record was when the record entered, by the record's digest.

    A key of one granted run was never issued and can't be revoked: it is active.
    """
    kids = {posting.agent_kid for posting in postings}
    known = {kid: key.life for kid in kids if (key := store.keys.key(kid)) is not None}
    return {
        posting.digest: state_at(known.get(posting.agent_kid, KeyLife()), posting.received_unix_us)
        for posting in postings
    }


def server_rotations(store: Store, upto: PublicKey) -> tuple[str, ...]:
    """Return the envelopes that lead from the server's first key to this one, oldest first."""
    rotations = store.keys.rotations("server", SERVER_ID)
    kids = [each.kid for each in rotations]
    count = kids.index(upto.kid) + 1 if upto.kid in kids else 0
    return tuple(each.envelope.decode("ascii") for each in rotations[:count])


def sealed_revocations(store: Store, kids: Sequence[str], key: SigningKey) -> list[str]:
    """Return the server's word on every revocation of these keys."""
    return [
        seal(model_bytes(_revocation(row)), PayloadType.KEY_REVOCATION, key).decode("ascii")
        for kid in kids
        for row in store.keys.revocations(kid)
    ]


def _revocation(row: RevocationRow) -> KeyRevocation:
    return KeyRevocation(
        role=row.role,
        id=row.owner_id,
        kid=row.kid,
        reason=row.reason,
        revoked_unix_us=row.revoked_unix_us,
        invalid_since_unix_us=row.invalid_since_unix_us,
    )


def _known(store: Store, kid: str) -> KeyRow:
    key = store.keys.key(kid)
    if key is None:
        raise RefusalError(Code.KEY_UNKNOWN, f"no key has the id {kid}")
    return key


def _opened(data: bytes) -> KeyRotation:
    try:
        return open_rotation(data)
    except EnvelopeError as error:
        code = _CODES.get(error.check.partition("[")[0], Code.NOT_AN_ENVELOPE)
        raise RefusalError(code, str(error)) from error


_CODES = {
    "signature": Code.SIGNATURE_INVALID,
    "key_missing": Code.SIGNATURE_INVALID,
    "key_id": Code.SIGNATURE_INVALID,
    "payload_form": Code.SCHEMA_INVALID,
    "schema": Code.SCHEMA_INVALID,
}


def _event(
    role: KeyRole, owner_id: str, kind: str, now_unix_us: int, **content: object
) -> EventRow:
    return EventRow(
        subject=role, subject_id=owner_id, kind=kind, at_unix_us=now_unix_us, content=content
    )
