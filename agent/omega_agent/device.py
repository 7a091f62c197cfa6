"""The device as one server knows it: enrolled there, or a stranger with a key made for this run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from omega_agent.errors import WrongUseError
from omega_agent.home import Home
from omega_agent.identity import Chained, DeviceChain, Identity, RunChain, load_identity
from omega_agent.own_statement import own_statement
from omega_agent.server_url import ServerUrl, parse_server_url
from omega_core.clock import Clock
from omega_core.keys import PublicKey, SigningKey
from omega_core.record import Chain


class PlaceInChain(Protocol):
    """The device's count of its attempts; see `omega_agent.identity`."""

    def next(self, newest: Chained | None) -> Chain:
        """Return the place of the next record; nothing is used up by asking."""
        ...

    def use(self, chain: Chain) -> None:
        """Count the attempt, durably, before anything is measured."""
        ...

    def sealed(self, chain: Chain, digest: str) -> None:
        """Remember the record that was made at this place."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Who measures, and whom it trusts.

    `agent_id` is None for a stranger, whose record is nobody's; `server_key` is None until the
    server has shown it, and pinned for a device that is enrolled. `key_events` are the rotations
    that its bundles bring along.
    """

    key: SigningKey
    agent_id: str | None
    statement: str
    server: ServerUrl
    insecure: bool
    server_key: PublicKey | None
    chain: PlaceInChain
    key_events: tuple[str, ...] = ()


def enrolled_device(home: Home) -> Device:
    """Return this device; raises WrongUseError when it is not enrolled."""
    identity = load_identity(home)
    if identity is None:
        raise WrongUseError("not_enrolled", path=home.path)
    return _of(identity, home)


def any_device(home: Home, server: str | None, *, insecure: bool, clock: Clock) -> Device:
    """Return the device for a self-test: enrolled if it is, with that server, else a stranger.

    Raises WrongUseError when neither the command nor an enrolment names a server.
    """
    identity = load_identity(home)
    if server is None:
        if identity is None:
            raise WrongUseError("server_missing")
        return _of(identity, home)
    url = parse_server_url(server)
    if identity is not None and identity.server == url:
        return _of(identity, home)
    key = SigningKey.generate()
    return Device(
        key=key,
        agent_id=None,
        statement=own_statement(key, clock.unix_us()),
        server=url,
        insecure=insecure,
        server_key=None,
        chain=RunChain(),
    )


def _of(identity: Identity, home: Home) -> Device:
    return Device(
        key=identity.key,
        agent_id=identity.agent_id,
        statement=identity.statement,
        server=identity.server,
        insecure=identity.insecure,
        server_key=identity.server_key,
        chain=DeviceChain(home.chain_file),
        key_events=identity.key_events,
    )
