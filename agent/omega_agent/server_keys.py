"""The server's key as it is now, for whoever pinned an earlier one.

A server that rotates its key says so at `GET /v1/server`: statements, each sealed by one key and by
the next, that lead from the pinned key to the present one. They are asked for only when something
arrives that the pinned key did not sign. What they don't lead to is not trusted, whoever shows it.

What a server signs now is signed by its present key. What it signed once and gives again as it was,
a receipt or a checkpoint, may be by any key of the line: of before a rotation, or of after the one
that was pinned.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Protocol

from omega_agent.errors import BusyError, NotTrustedError
from omega_core.control import ServerInfo
from omega_core.envelope import EnvelopeError, parse_envelope
from omega_core.errors import RefusedError
from omega_core.key_events import open_rotation
from omega_core.key_history import KeyHistoryError, keys_in, line_of, newest_after
from omega_core.keys import PublicKey


class Informant(Protocol):
    """Whom to ask; `Uplink` is one. What it raises: see there."""

    def server_info(self) -> ServerInfo:
        """Return what the server says of itself."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerKey:
    """The key that a server signs with, and the sealed rotations that lead there; none is usual."""

    key: PublicKey
    rotations: tuple[str, ...] = ()

    @property
    def line(self) -> tuple[PublicKey, ...]:
        """Every key that the server is known to have had or to have, this one among them."""
        known = keys_in([open_rotation(each.encode("utf-8")) for each in self.rotations])
        return tuple({**known, self.key.kid: self.key}.values())


def followed(pinned: PublicKey, info: ServerInfo) -> ServerKey:
    """Return the server's present key; raises NotTrustedError unless the pinned one leads there."""
    try:
        rotations = {each: open_rotation(each.encode("utf-8")) for each in info.key_rotations}
        of_server = [each for each in rotations.values() if each.role == "server"]
        newest = newest_after(pinned, of_server)
        line = line_of(pinned.kid, of_server)
    except (EnvelopeError, KeyHistoryError) as error:
        raise NotTrustedError("server_line", why=error) from None
    if newest.text != info.server_key:
        raise NotTrustedError("server_key_moved")
    return ServerKey(
        key=newest,
        rotations=tuple(text for text, rotation in rotations.items() if rotation in line),
    )


def signing_key(envelope: bytes, pinned: PublicKey, informant: Informant) -> ServerKey:
    """Return the key to check what the server signs now with: the pinned one, or one after it.

    Raises what the informant raises, and NotTrustedError as `followed` does. An answer that is no
    envelope is left to whoever opens it.
    """
    if _signers(envelope) in (set(), {pinned.kid}):
        return ServerKey(key=pinned)
    try:
        info = informant.server_info()
    except BusyError:
        raise
    except RefusedError as error:  # it is about our question, not about what was answered before
        raise NotTrustedError("server_key_moved") from error
    return followed(pinned, info)


def receipt_key(envelope: bytes, pinned: PublicKey, informant: Informant) -> ServerKey:
    """Return the key to check a receipt with, whichever of the server's line signed it.

    A record that was known gets its first receipt again. Raises as `signing_key` does.
    """
    server = signing_key(envelope, pinned, informant)
    signers = _signers(envelope)
    signed = next((each for each in server.line if each.kid in signers), server.key)
    return replace(server, key=signed)


def _signers(envelope: bytes) -> Collection[str]:
    """Return the ids of the keys that are said to have signed it; none of what is no envelope."""
    try:
        return {signature.kid for signature in parse_envelope(envelope).signatures}
    except EnvelopeError:
        return set()
