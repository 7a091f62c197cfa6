"""The server's key as it is now, for whoever pinned an earlier one.

A server that rotates its key says so at `GET /v1/server`: statements, each sealed by one key and by
the next, that lead from the pinned key to the present one. They are asked for only when something
arrives that the pinned key did not sign. What they don't lead to is not trusted, whoever shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from omega_agent.errors import BusyError, NotTrustedError
from omega_core.control import ServerInfo
from omega_core.envelope import EnvelopeError, parse_envelope
from omega_core.errors import RefusedError
from omega_core.key_events import open_rotation
from omega_core.key_history import KeyHistoryError, line_of, newest_after
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
    """Return the key to check an answer of the server with: the pinned one, or one after it.

    Raises what the informant raises, and NotTrustedError as `followed` does. An answer that is no
    envelope is left to whoever opens it.
    """
    try:
        kids = {signature.kid for signature in parse_envelope(envelope).signatures}
    except EnvelopeError:
        kids = {pinned.kid}
    if kids == {pinned.kid}:
        return ServerKey(key=pinned)
    try:
        info = informant.server_info()
    except BusyError:
        raise
    except RefusedError as error:  # it is about our question, not about what was answered before
        raise NotTrustedError("server_key_moved") from error
    return followed(pinned, info)
