"""Put a test point together and serve until told to end."""

from __future__ import annotations

import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from omega_core.clock import Clock, SystemClock
from omega_core.control import Observation
from omega_core.envelope import PayloadType, seal
from omega_core.errors import UsageError
from omega_core.keyfile import load_or_create
from omega_core.keys import NotAKeyError, PublicKey, SigningKey
from omega_core.models import model_bytes
from omega_server.testpoint.admission import Admission
from omega_server.testpoint.binding import endpoints, listen, port_of
from omega_server.testpoint.children import Children
from omega_server.testpoint.grants import GrantDesk
from omega_server.testpoint.host import Host
from omega_server.testpoint.links import LinkMeter, link_rates, usual_capacity_bps
from omega_server.testpoint.metrics import serving_metrics
from omega_server.testpoint.settings import Ports, TestPointSettings
from omega_server.testpoint.watch import LoadWatch

_DESCRIPTORS = 8_192  # 64 sessions of 16 flows, and as many again on their way in or out
_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve(
    settings: TestPointSettings,
    *,
    report: Callable[[Ports], None],
    parent: int | None = None,
    clock: Clock | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT, or the end of file at the descriptor `parent`.

    `report` is called once with the ports, when probes may come. Raises UsageError, KeyFileError or
    TestPointBindError for settings that can't be met, TestPointBrokenError when a child dies.
    """
    clock = clock or SystemClock()
    own_key = load_or_create(settings.key_file)
    desk = GrantDesk(
        server_keys=_server_keys(settings),
        test_point=settings.id,
        own_key=own_key.public,
        started_unix_us=clock.unix_us(),
    )
    _raise_descriptor_limit()
    with ExitStack() as stack:
        listeners = listen(settings.hosts, settings.tcp_port)
        for listener in listeners:
            stack.enter_context(listener)
        udp = endpoints(settings.hosts, settings.udp_port)
        watch = _watch(settings, clock)
        metrics_port = None
        if settings.metrics is not None:
            metrics_port = stack.enter_context(serving_metrics(*settings.metrics, watch))
        ports = Ports(tcp_port=port_of(listeners), udp_port=port_of(udp), metrics_port=metrics_port)
        children = Children(workers=settings.workers)
        stack.callback(children.end)
        children.watch_for(settings.id, settings.server_public_keys, settings.key_file)
        children.give_endpoints(udp)
        host = Host(
            listeners=listeners,
            children=children,
            desk=desk,
            test_point=settings.id,
            udp_port=ports.udp_port,
            seal=_sealer(own_key),
            watch=watch,
            clock=clock,
        )
        ending = stack.enter_context(_ending_signal())
        report(ports)
        host.serve_until(ending, *([] if parent is None else [parent]))


def _watch(settings: TestPointSettings, clock: Clock) -> LoadWatch:
    rates = link_rates()
    capacity_bps = settings.capacity_bps
    if capacity_bps is None:
        capacity_bps = usual_capacity_bps(settings.hosts, rates)
    return LoadWatch(
        Admission(capacity_bps=capacity_bps or None, sessions_max=settings.sessions_max),
        LinkMeter(rates),
        counts_loopback=settings.capacity_bps is not None,
        now_ns=clock.monotonic_ns(),
    )


def _server_keys(settings: TestPointSettings) -> list[PublicKey]:
    try:
        return [PublicKey.from_text(text) for text in settings.server_public_keys]
    except NotAKeyError as error:
        raise UsageError(f"the server's public key is not one: {error}") from error


def _sealer(own_key: SigningKey) -> Callable[[Observation], str]:
    def sealed(observation: Observation) -> str:
        envelope = seal(model_bytes(observation), PayloadType.OBSERVATION, own_key)
        return envelope.decode("ascii")

    return sealed


def _raise_descriptor_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft < wanted:  # children inherit it
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _ending_signal() -> Iterator[int]:
    """Yield a descriptor that becomes readable when the process is asked to end."""
    reading, writing = socket.socketpair()
    with reading, writing:
        writing.setblocking(False)  # noqa: FBT003 - the standard library's signature
        before = [signal.signal(number, lambda *_: None) for number in _ENDING_SIGNALS]
        previous = signal.set_wakeup_fd(writing.fileno())
        try:
            yield reading.fileno()
        finally:
            signal.set_wakeup_fd(previous)
            for number, handler in zip(_ENDING_SIGNALS, before, strict=True):
                signal.signal(number, handler)
