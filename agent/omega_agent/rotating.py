"""A device gets a new key: `omega key rotate`.

    next key, agent.pem.next -> GET /v1/server: its time, and its key as it follows from ours
    -> rotation, sealed by old and new key -> statement of the new key, checked
    -> agent-<id>.pem -> identity.json, which names it: from here on the new key signs
    -> the old key's file and agent.pem.next removed

Whatever is cut short, the device is whole: before identity.json is written it is the device with
the old key, which the server takes for seven more days; afterwards the one with the new key. The
same command goes on where it stopped, because the next key is on the disk before the server is
asked, and the server gives the same answer to the same two keys. The chain of records goes on, and
what waits in the outbox is posted as it was sealed.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from omega_agent.enrolling import check_statement
from omega_agent.home import Home
from omega_agent.identity import Identity, keep_identity
from omega_agent.server_keys import followed
from omega_core import keyfile
from omega_core.control import EnrolmentAnswer, ServerInfo
from omega_core.files import write_durably
from omega_core.key_events import rotation_of, seal_rotation

_OWNER_ONLY = 0o600


class KeyDesk(Protocol):
    """Who takes the rotation; `Uplink` is one. What it raises: see there."""

    def server_info(self) -> ServerInfo:
        """Return what the server says of itself."""
        ...

    def rotate_key(self, rotation: bytes) -> EnrolmentAnswer:
        """Send a rotation that both keys have sealed."""
        ...


def rotate(home: Home, desk: KeyDesk, identity: Identity) -> Identity:
    """Give this device a new key, and return who it is now.

    Raises what the server's door raises, NotTrustedError for a server that is not the pinned one or
    one after it, KeyFileError, StorageError.
    """
    info = desk.server_info()
    server = followed(identity.server_key, info)
    key = keyfile.load_or_create(home.next_key_file)
    if key.public != identity.key.public:
        rotation = rotation_of(
            "agent",
            identity.agent_id,
            old=identity.key.public,
            new=key.public,
            server_key=server.key,
            at_unix_us=info.now_unix_us,  # the server's time: this device's clock decides nothing
        )
        sealed = seal_rotation(rotation, old=identity.key, new=key)
        answer = desk.rotate_key(sealed)
        check_statement(answer, key, server.key)
        write_durably(home.key_file_of(key.public.kid), key.to_pem(), mode=_OWNER_ONLY)
        identity = replace(
            identity.with_server(server),
            key=key,
            key_file=home.key_file_of(key.public.kid).name,
            statement=answer.statement,
        )
        identity = identity.with_events(sealed.decode("ascii"))
        keep_identity(home, identity)
    home.forget_other_keys(identity.key_file)
    with suppress(OSError):  # the next rotation finds it is in use already, and removes it then
        home.next_key_file.unlink()
    return identity
