"""Who this device is: its key, the server it trusts, and its place in its own chain of records.

The key is made here and never leaves. The server's key is pinned when the device is enrolled;
every grant and receipt is checked against it from then on. `chain.json` counts the grants this
device has used: the number is on the disk before a grant is used, so that no attempt can be made
and then denied.

    request a session (seq n+1) -> grant -> write seq n+1 -> measure -> seal, outbox -> write prev
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import Field

from omega_agent.errors import WrongUseError, not_kept
from omega_agent.home import Home
from omega_agent.server_keys import ServerKey
from omega_agent.server_url import ServerUrl, parse_server_url
from omega_core import keyfile
from omega_core.canonical import NotPlainJsonError
from omega_core.facts import Version1
from omega_core.files import write_durably
from omega_core.keys import PublicKey, SigningKey
from omega_core.limits import ENVELOPE_BYTES_MAX, KEY_EVENT_BYTES_MAX, KEY_EVENTS_MAX
from omega_core.models import (
    ContentError,
    Digest,
    Id,
    KeyText,
    ModelT,
    StrictModel,
    model_bytes,
    parse_model,
)
from omega_core.record import Chain

_OWNER_ONLY = 0o600
_SEQ_MAX = 2**53 - 1
FIRST_KEY_FILE = "agent.pem"


_KeyEvent = Annotated[str, Field(max_length=KEY_EVENT_BYTES_MAX)]


class IdentityFile(StrictModel):
    """What enrolment left: `insecure` remembers that plain http was meant.

    `key_file` names the file of the key in use; null is `agent.pem`, as enrolment leaves it.
    `key_events` are the rotations of this device's key and of the server's, for the bundles.
    """

    schema_version: Version1 = 1
    server_url: Annotated[str, Field(max_length=256)]
    insecure: bool
    server_key: KeyText
    agent_id: Id
    statement: Annotated[str, Field(max_length=ENVELOPE_BYTES_MAX)]
    key_file: Annotated[str, Field(pattern=r"^agent-[A-Za-z0-9_-]{16}\.pem$")] | None = None
    key_events: Annotated[tuple[_KeyEvent, ...], Field(max_length=KEY_EVENTS_MAX)] = ()


class ChainFile(StrictModel):
    """Grants used so far, and the last record."""

    schema_version: Version1 = 1
    seq: Annotated[int, Field(ge=0, le=_SEQ_MAX)] = 0
    prev: Digest | None = None


@dataclass(frozen=True, slots=True)
class Chained:
    """A record by its place in the chain."""

    seq: int
    digest: str


@dataclass(frozen=True, slots=True)
class Identity:
    """An enrolled device: its key, and whom it trusts."""

    key: SigningKey
    agent_id: str
    statement: str
    server: ServerUrl
    insecure: bool
    server_key: PublicKey
    key_file: str = FIRST_KEY_FILE
    key_events: tuple[str, ...] = ()

    def with_server(self, server: ServerKey) -> Identity:
        """Return the device once it has followed its server to another key."""
        return replace(self, server_key=server.key).with_events(*server.rotations)

    def with_events(self, *events: str) -> Identity:
        """Return the device with further rotations; one that it has is not kept twice."""
        return replace(self, key_events=tuple(dict.fromkeys((*self.key_events, *events))))


def load_identity(home: Home) -> Identity | None:
    """Return who this device is, None when it was never enrolled.

    Raises WrongUseError when the file is damaged, KeyFileError for the key.
    """
    stored = _load(home.identity_file, IdentityFile)
    if stored is None:
        return None
    return Identity(
        key=keyfile.load(home.path / (stored.key_file or FIRST_KEY_FILE)),
        agent_id=stored.agent_id,
        statement=stored.statement,
        server=parse_server_url(stored.server_url),
        insecure=stored.insecure,
        server_key=PublicKey.from_text(stored.server_key),
        key_file=stored.key_file or FIRST_KEY_FILE,
        key_events=stored.key_events,
    )


def store_identity(home: Home, identity: Identity) -> None:
    """Keep who this device is, and begin its chain anew; raises StorageError."""
    write_durably(home.chain_file, model_bytes(ChainFile()), mode=_OWNER_ONLY)
    keep_identity(home, identity)


def keep_identity(home: Home, identity: Identity) -> None:
    """Keep who this device is; its chain goes on. Raises StorageError."""
    stored = IdentityFile(
        server_url=str(identity.server),
        insecure=identity.insecure,
        server_key=identity.server_key.text,
        agent_id=identity.agent_id,
        statement=identity.statement,
        key_file=None if identity.key_file == FIRST_KEY_FILE else identity.key_file,
        key_events=identity.key_events,
    )
    write_durably(home.identity_file, model_bytes(stored), mode=_OWNER_ONLY)


def pin_again(home: Home, server: ServerKey) -> None:
    """Pin the key that the server has rotated to; a device that is not enrolled pins none.

    Raises StorageError, and what `load_identity` raises.
    """
    identity = load_identity(home)
    if identity is not None:
        keep_identity(home, identity.with_server(server))


class DeviceChain:
    """The chain of an enrolled device, on its disk; one process at a time, see `Home.measuring`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def next(self, newest: Chained | None) -> Chain:
        """Return the place of the next record; nothing is used up by asking.

        `newest` is the last record in the outbox. After a crash between outbox and chain it is the
        one that the chain does not know yet.
        """
        state = _load(self._path, ChainFile) or ChainFile()
        prev = newest.digest if newest and newest.seq == state.seq else state.prev
        return Chain(seq=state.seq + 1, prev=prev)

    def use(self, chain: Chain) -> None:
        """Count the attempt, durably, before anything is measured; raises StorageError."""
        self._store(ChainFile(seq=chain.seq, prev=chain.prev))

    def sealed(self, chain: Chain, digest: str) -> None:
        """Remember the record that was made at this place; raises StorageError."""
        self._store(ChainFile(seq=chain.seq, prev=digest))

    def _store(self, state: ChainFile) -> None:
        write_durably(self._path, model_bytes(state), mode=_OWNER_ONLY)


class RunChain:
    """The chain of a key made for one run: one record, nothing before it, nothing kept."""

    def next(self, newest: Chained | None) -> Chain:  # noqa: ARG002 - it has none before it
        """See `DeviceChain.next`."""
        return Chain(seq=1, prev=None)

    def use(self, chain: Chain) -> None:
        """See `DeviceChain.use`."""

    def sealed(self, chain: Chain, digest: str) -> None:
        """See `DeviceChain.sealed`."""


def _load(path: Path, model: type[ModelT]) -> ModelT | None:
    try:
        return parse_model(model, path.read_bytes())
    except FileNotFoundError:
        return None
    except (NotPlainJsonError, ContentError) as error:
        raise WrongUseError("home_file", path=path, why=error) from None
    except OSError as error:
        raise not_kept(path, error) from error
