"""What the store promises of keys: the rows, and the port. See `omega_server.store.port`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from omega_core.key_history import KeyLife
from omega_server.store.rows import EventRow

KeyRole = Literal["server", "agent", "test_point"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationRow:
    """A key that follows another, as both signed it; `statement` is the server's word on it.

    The server's own keys have no statement: whoever trusts one of them follows the envelopes.
    """

    role: KeyRole
    owner_id: str
    old_kid: str
    kid: str
    key: str
    envelope: bytes
    statement: bytes | None
    rotated_unix_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationRow:
    """A key that is out of use; the server seals a statement of it for whoever reads a record."""

    role: KeyRole
    owner_id: str
    kid: str
    reason: str
    revoked_unix_us: int
    invalid_since_unix_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One key with everything that happened to it.

    `key` is the public key, None for a server's first one, which stands in its file; `statement` is
    the server's word on whose it is, None for keys of the server.
    """

    role: KeyRole
    owner_id: str
    kid: str
    key: str | None
    statement: bytes | None
    life: KeyLife


class KeyStore(Protocol):
    """The keys of the server, of test points and of agents, and what happened to them."""

    def rotate(self, rotation: RotationRow, event: EventRow) -> RotationRow:
        """Keep the rotation and log the event; return it.

        The same two keys again return the rotation of the first time, and log nothing: the answer
        may have been lost. Raises KeyReplacedError when another key follows the old one, and
        AlreadyThereError when the new key is known as somebody's.
        """
        ...

    def rotations(self, role: KeyRole, owner_id: str) -> Sequence[RotationRow]:
        """Return the rotations of one owner, first to last."""
        ...

    def revoke(self, revocation: RevocationRow, event: EventRow) -> bool:
        """Keep the revocation and log the event; False, and nothing, when it says nothing new.

        New is the first revocation of a key, and an earlier `invalid_since_unix_us`, up to
        `KEY_REVOCATIONS_MAX` of them.
        """
        ...

    def revocations(self, kid: str) -> Sequence[RevocationRow]:
        """Return what was said against a key, in the order it was said."""
        ...

    def key(self, kid: str) -> KeyRow | None:
        """Return the key with this id."""
        ...

    def keys_of(self, role: KeyRole, owner_id: str) -> Sequence[KeyRow]:
        """Return the keys of one owner, the present one last; nothing for nobody."""
        ...

    def all(self) -> Sequence[KeyRow]:
        """Return every key: of the server, of test points, of agents, each owner's in order."""
        ...
