"""The path beside a session: looked at for a ticket, and put among the facts of its record.

It is looked at after the session, on a line that is quiet again: what a load does to hops is not
what they are. Beside the session's own loads a few packets a second show behind which point their
queue builds (`omega_probe.path_loaded`). A line on which no session could be had is looked at all
the same, towards the server's own addresses: where packets stop is the most that can be known of
it.
"""

from __future__ import annotations

import socket
import threading
from dataclasses import replace

from omega_agent.measuring import Held, control_target
from omega_agent.references import References
from omega_agent.server_url import ServerUrl, literal_address
from omega_agent.session_request import Granted
from omega_core.clock import Clock
from omega_core.control import Grant
from omega_core.units import NS_PER_US
from omega_probe.events import Emitter
from omega_probe.path_diagnosis import PathTargets, diagnose_path
from omega_probe.path_loaded import LoadedLook


class PathLook:
    """One look at the path, beside a session and after it.

    `emit` takes the session's events, and passes them on.
    """

    def __init__(
        self,
        server: ServerUrl,
        granted: Granted | None,
        references: References,
        *,
        clock: Clock,
        emit: Emitter,
    ) -> None:
        self._targets = targets_of(server, granted.grant if granted else None, references)
        self._clock = clock
        self._emit = emit
        self._loaded = LoadedLook(self._targets, clock=clock, emit=emit)

    @property
    def emit(self) -> Emitter:
        """What the session is to tell its events to."""
        return self._loaded.emit

    def after(self, held: Held, stop: threading.Event) -> Held:
        """Return the session with the path among its facts; unchanged where it was stopped."""
        if stop.is_set():
            return held
        started_ns = held.result.monotonic_started_us * NS_PER_US
        path = diagnose_path(
            self._targets, clock=self._clock, emit=self._emit, stop=stop, started_ns=started_ns
        )
        path = self._loaded.beside(path, started_ns)
        evidence = replace(held.result.evidence, path=path)
        return replace(held, result=replace(held.result, evidence=evidence))


def targets_of(
    server: ServerUrl, grant: Grant | None, references: References | None = None
) -> PathTargets:
    """Return where to look: the test point of the grant, else the server itself."""
    name = None if literal_address(server.host) else server.host
    control = control_target(server)
    beyond = References() if references is None else references
    known = PathTargets(
        references=beyond.addresses,
        name_servers=beyond.name_servers,
        name=name,
        control=control,
    )
    if grant is None:
        return replace(known, test_point=_addresses_of(server))
    return replace(
        known,
        test_point=grant.test_point.addresses,
        tcp_port=grant.test_point.tcp_port,
        seen=grant.addresses,
    )


def _addresses_of(server: ServerUrl) -> tuple[str, ...]:
    """Return the server's addresses, one of each family; none when its name is not resolved."""
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    by_family = {family: str(place[0]) for family, _, _, _, place in reversed(found)}
    return tuple(by_family.values())
