"""The path beside a session: looked at for a ticket, and put among the facts of its record.

It is looked at after the session, on a line that is quiet again: what a load does to hops is not
what they are. A line on which no session could be had is looked at all the same, towards the
server's own addresses: where packets stop is the most that can be known of it.
"""

from __future__ import annotations

import socket
import threading
from dataclasses import replace

from omega_agent.measuring import Held, control_target
from omega_agent.server_url import ServerUrl, literal_address
from omega_core.clock import Clock
from omega_core.control import Grant
from omega_core.units import NS_PER_US
from omega_probe.events import Emitter
from omega_probe.path_diagnosis import PathTargets, diagnose_path


def with_path(
    held: Held, server: ServerUrl, *, clock: Clock, emit: Emitter, stop: threading.Event
) -> Held:
    """Return the session with the path among its facts; unchanged where it was stopped."""
    if stop.is_set():
        return held
    grant = held.granted.grant if held.granted else None
    path = diagnose_path(
        targets_of(server, grant),
        clock=clock,
        emit=emit,
        stop=stop,
        started_ns=held.result.monotonic_started_us * NS_PER_US,
    )
    evidence = replace(held.result.evidence, path=path)
    return replace(held, result=replace(held.result, evidence=evidence))


def targets_of(server: ServerUrl, grant: Grant | None) -> PathTargets:
    """Return where to look: the test point of the grant, else the server itself."""
    name = None if literal_address(server.host) else server.host
    control = control_target(server)
    if grant is None:
        return PathTargets(test_point=_addresses_of(server), name=name, control=control)
    return PathTargets(
        test_point=grant.test_point.addresses,
        tcp_port=grant.test_point.tcp_port,
        seen=grant.addresses,
        name=name,
        control=control,
    )


def _addresses_of(server: ServerUrl) -> tuple[str, ...]:
    """Return the server's addresses, one of each family; none when its name is not resolved."""
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    by_family = {family: str(place[0]) for family, _, _, _, place in reversed(found)}
    return tuple(by_family.values())
