"""Capacity loads against a real test point on loopback: rates, limits, strangers and endings."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from omega_core.clock import SystemClock
from omega_core.evidence import Ended
from omega_core.load import BURST_NS, CATCH_UP_NS, LoadCounts, LoadRate, LoadTick
from omega_core.metrics import Direction
from omega_core.sockets.load_sending import LoadSender
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from omega_core.wire.load import LoadHeader, LoadKeys, encode_load, encode_rate
from omega_core.wire.testpoint import CloseLoad, Finish, LoadReady, OpenLoad
from omega_probe.load_link import run_load
from omega_probe.load_run import LoadRequest, LoadResult
from omega_probe.own_traffic import OwnTrafficMeter
from omega_probe.test_point_client import TestPointClient, connect
from support.builders import SECRET
from support.fixed_load import FixedRate
from support.real_test_point import LOOPBACK, RealTestPoint

DOWN, UP = Direction.DOWN, Direction.UP
MBPS = 1_000_000
CLOCK = SystemClock()
IP_OCTETS = 1_428
RUN_NS = 600 * NS_PER_MS
TRIES = 4
WINDOW = 4  # ticks; a busy machine keeps a sender from its schedule, but not all of the time


@pytest.fixture(scope="module")
def test_point(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTestPoint]:
    with RealTestPoint(tmp_path_factory.mktemp("testpoint")) as running:
        yield running


@dataclass
class Load:
    """One run and what it needs; `hold` carries it out."""

    client: TestPointClient
    request: LoadRequest
    rate_bps: int
    duration_ns: int = RUN_NS
    train: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    meter: OwnTrafficMeter = field(default_factory=OwnTrafficMeter)
    progress: Callable[[LoadTick], None] = lambda _: None
    caught_up: Callable[[], None] = lambda: None

    def hold(self) -> LoadResult:
        return run_load(
            self.client,
            self.request,
            lambda _, now_ns: FixedRate(
                self.rate_bps, duration_ns=self.duration_ns, now_ns=now_ns, train=self.train
            ),
            clock=CLOCK,
            meter=self.meter,
            stop=self.stop,
            progress=self.progress,
            caught_up=self.caught_up,
        )


def request(direction: Direction, run: int = 0) -> LoadRequest:
    return LoadRequest(
        run=run,
        direction=direction,
        duration_ns=3 * NS_PER_S,
        octets_max=10**9,
        ip_octets=IP_OCTETS,
    )


def spans_of(counts: LoadCounts) -> list[tuple[int, int]]:
    """Return time in us and octets of the whole run, then of each `WINDOW` ticks of it."""
    ticks = [*zip(counts.at_us, counts.octets, strict=True)]
    ends = [(ticks[0], ticks[-1]), *zip(ticks, ticks[WINDOW:], strict=False)]
    return [
        (until_us - since_us, later - earlier) for (since_us, earlier), (until_us, later) in ends
    ]


def check_never_faster(spans: list[tuple[int, int]], rate_bps: int, ip_octets: int) -> None:
    """Check that no span has more than its time carries, what was missed just before, and a burst.

    This holds however late the sender gets the processor: the kernel stamps on loopback as it
    sends.
    """
    for span_us, octets in spans:
        allowed_ns = span_us * NS_PER_US + CATCH_UP_NS + BURST_NS
        assert octets <= rate_bps * allowed_ns // (8 * NS_PER_S) + ip_octets


@pytest.mark.parametrize("address", LOOPBACK)
@pytest.mark.parametrize("direction", [DOWN, UP], ids=["down", "up"])
@pytest.mark.parametrize("rate_mbps", [1, 20, 200])
def test_a_fixed_rate_is_received_within_a_hundredth_and_never_faster(
    test_point: RealTestPoint, address: str, direction: Direction, rate_mbps: int
) -> None:
    ip_octets = 248 if rate_mbps == 1 else IP_OCTETS
    found: list[list[float]] = []
    with closing(connect(test_point.access(addresses=[address]), CLOCK)) as client:
        for run in range(TRIES):
            wanted = replace(request(direction, run), ip_octets=ip_octets)
            result = Load(client, wanted, rate_mbps * MBPS).hold()
            assert (result.ended, result.detail) == (Ended.COMPLETED, "")
            assert result.gso
            assert result.gro
            counts, sent = result.received, result.sent
            assert sent is not None
            assert counts.highest[-1] <= sent.sent_packets
            assert result.offered == ((1, rate_mbps * MBPS, 0),)
            spans = spans_of(counts)
            check_never_faster(spans, rate_mbps * MBPS, ip_octets)
            shares = [8 * octets / (span_us * rate_mbps) for span_us, octets in spans]
            if any(abs(share - 1) < 0.01 for share in shares):
                return
            found.append(shares)
    pytest.fail(f"received {found} of what was offered")


@pytest.mark.parametrize("direction", [DOWN, UP], ids=["down", "up"])
def test_without_offload_it_is_the_same(test_point: RealTestPoint, direction: Direction) -> None:
    with closing(connect(test_point.access(), CLOCK)) as client:
        result = Load(client, replace(request(direction), offload=False), 20 * MBPS).hold()
    assert result.ended is Ended.COMPLETED
    assert not result.gso
    assert not result.gro
    assert result.received.packets[-1] == result.received.highest[-1] > 500


@pytest.mark.parametrize("direction", [DOWN, UP], ids=["down", "up"])
def test_a_train_is_received_as_it_was_ordered(
    test_point: RealTestPoint, direction: Direction
) -> None:
    with closing(connect(test_point.access(), CLOCK)) as client:
        load = Load(client, request(direction), 50 * MBPS, duration_ns=200 * NS_PER_MS, train=33)
        result = load.hold()
    assert result.ended is Ended.LINK_LOST, "the machine of these tests waits for more in vain"
    assert result.received.packets[-1] == 33
    assert result.sent is not None
    assert result.sent.sent_packets == 33


@pytest.mark.parametrize("direction", [DOWN, UP], ids=["down", "up"])
def test_what_was_moved_is_in_the_meter_and_in_the_observation(
    test_point: RealTestPoint, direction: Direction
) -> None:
    with closing(connect(test_point.access(), CLOCK)) as client:
        load = Load(client, request(direction), 20 * MBPS)
        result = load.hold()
        observation = test_point.opened(client.request(Finish()).observation)
    own = load.meter.reading()
    ours = {DOWN: own.rx, UP: own.tx}[direction]
    theirs = {DOWN: observation.octets_sent, UP: observation.octets_received}[direction]
    load_octets = result.received.octets[-1]
    assert load_octets > 1_000_000
    assert 0 <= theirs - load_octets < 20_000, "packets on the way, and a few Rates"
    carried = ours.payload_octets + ours.header_octets
    assert abs(carried - load_octets) < 20_000


@pytest.mark.parametrize("direction", [DOWN, UP], ids=["down", "up"])
def test_no_more_than_the_grants_octets_are_moved(
    test_point: RealTestPoint, direction: Direction
) -> None:
    limit = 2_000_000
    with closing(connect(test_point.access(bytes_each_way=limit), CLOCK)) as client:
        result = Load(client, request(direction), 200 * MBPS, duration_ns=NS_PER_S).hold()
        observation = test_point.opened(client.request(Finish()).observation)
    assert result.ended is Ended.BUDGET
    assert result.sent is not None
    assert 1_800_000 < result.sent.sent_octets <= limit
    assert observation.octets_sent <= limit
    assert observation.octets_received <= limit


@pytest.mark.parametrize("busy_s", [0, 0.1], ids=["at leisure", "always late"])
def test_a_receiver_with_packets_unread_says_so_at_every_tick(
    client: TestPointClient, busy_s: float
) -> None:
    """At 200 Mbit/s, 1,750 packets come in a tenth of a second, more than a tick reads one by one.

    Its count is behind the interface's then, and the difference is nobody else's traffic.
    """
    ticks, caught_up = [0], [0]

    def look(_: LoadTick) -> None:
        ticks[0] += 1
        time.sleep(busy_s)

    def count() -> None:
        caught_up[0] += 1

    load = Load(client, replace(request(DOWN), offload=False), 200 * MBPS)
    load.progress, load.caught_up = look, count
    assert load.hold().ended is Ended.COMPLETED
    assert ticks[0] >= RUN_NS / NS_PER_S / 0.2, "all are told, however late"
    if busy_s:
        assert caught_up[0] <= ticks[0] // 2
    else:
        assert caught_up[0] > ticks[0] // 2


@pytest.mark.parametrize("direction", [DOWN, UP], ids=["down", "up"])
def test_stop_ends_it_within_half_a_second(test_point: RealTestPoint, direction: Direction) -> None:
    with closing(connect(test_point.access(), CLOCK)) as client:
        load = Load(client, request(direction), 20 * MBPS, duration_ns=5 * NS_PER_S)
        client.stop = load.stop
        timer = threading.Timer(0.5, load.stop.set)
        timer.start()
        began = time.monotonic()
        result = load.hold()
        took_s = time.monotonic() - began
    assert result.ended is Ended.INTERRUPTED
    assert took_s < 1.0
    assert result.received.packets[-1] > 100


@pytest.mark.parametrize("direction", [DOWN, UP], ids=["down", "up"])
def test_a_test_point_that_dies_ends_it(tmp_path: Path, direction: Direction) -> None:
    with (
        RealTestPoint(tmp_path) as mortal,
        closing(connect(mortal.access(), CLOCK)) as client,
    ):
        load = Load(client, request(direction), 20 * MBPS, duration_ns=5 * NS_PER_S)
        threading.Timer(0.4, mortal.kill).start()
        began = time.monotonic()
        result = load.hold()
    assert result.ended is Ended.TEST_POINT_LOST
    assert time.monotonic() - began < 1.5
    assert result.received.packets[-1] > 50, "what was counted until then"


@pytest.mark.slow
def test_a_machine_that_never_ends_is_ended(test_point: RealTestPoint) -> None:
    with closing(connect(test_point.access(), CLOCK)) as client:
        wanted = replace(request(DOWN), duration_ns=200 * NS_PER_MS)
        began = time.monotonic()
        result = Load(client, wanted, MBPS, duration_ns=60 * NS_PER_S).hold()
    assert result.ended is Ended.COMPLETED
    assert "time" in result.detail
    assert time.monotonic() - began < 3


def test_a_refused_load_says_so(test_point: RealTestPoint) -> None:
    with closing(connect(test_point.access(bytes_each_way=1_000), CLOCK)) as client:
        result = Load(client, request(DOWN), MBPS).hold()
    assert result.ended is Ended.BUDGET
    assert result.received == LoadCounts()


class Manual:
    """A load that the test opens, and a socket to do with it what it likes."""

    def __init__(self, client: TestPointClient, direction: Direction, source: str = "") -> None:
        asked = OpenLoad(
            run=0, direction=direction, duration_ms=3_000, ip_octets=IP_OCTETS, octets_max=10**6
        )
        self.client = client
        self.ready: LoadReady = client.request(asked)
        self.keys = LoadKeys.of(
            SECRET, session_id=client.access.session_id, run=0, stream=self.ready.stream
        )
        self.socket = self.endpoint(source)

    def endpoint(self, source: str = "") -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((source, 0))
        made.connect((LOOPBACK[0], self.ready.udp_port))
        return made

    def rate(self, serial: int, rate_bps: int = MBPS, keys: LoadKeys | None = None) -> bytes:
        rate = LoadRate(number=serial, rate_bps=rate_bps, train_packets=0)
        return encode_rate(rate, keys or self.keys, serial=serial)


def hears(endpoint: socket.socket, within_s: float = 0.4) -> int:
    """Return how many datagrams come in that time."""
    count, until = 0, time.monotonic() + within_s
    while (left := until - time.monotonic()) > 0:
        if select.select([endpoint], (), (), left)[0]:
            try:
                endpoint.recv(65_536)
            except ConnectionRefusedError:
                continue
            count += 1
    return count


@pytest.fixture
def client(test_point: RealTestPoint) -> Iterator[TestPointClient]:
    with closing(connect(test_point.access(addresses=LOOPBACK[:1]), CLOCK)) as connected:
        yield connected


@pytest.mark.parametrize("direction", [DOWN, UP], ids=["down", "up"])
def test_strangers_are_not_answered_and_do_no_harm(
    client: TestPointClient, direction: Direction
) -> None:
    manual = Manual(client, direction)
    forged = LoadKeys.of(b"x" * 32, session_id="s", run=0, stream=manual.ready.stream)
    packet = encode_load(LoadHeader(0, 1, 0), forged, IP_OCTETS - 28)
    with closing(manual.socket), closing(manual.endpoint("127.0.0.2")) as elsewhere:
        for size in (1, 8, 44, 136, 137, 1_400, 9_000):
            manual.socket.send(os.urandom(size))
        manual.socket.send(b"")
        manual.socket.send(manual.rate(1, keys=forged))
        manual.socket.send(packet)
        assert hears(manual.socket) == 0
        elsewhere.send(manual.rate(5))
        assert hears(elsewhere) == 0, "the grant is for another address"
        manual.socket.send(manual.rate(2))
        assert hears(manual.socket) > 2, "and the one it is for is still served"
    counts = client.request(CloseLoad(run=0)).counts
    assert counts.packets == ()


def test_a_copy_of_an_old_rate_does_nothing(client: TestPointClient) -> None:
    manual = Manual(client, DOWN)
    with closing(manual.socket):
        manual.socket.send(manual.rate(1, rate_bps=MBPS))
        assert hears(manual.socket, 0.2) > 5
        manual.socket.send(manual.rate(2, rate_bps=0))
        hears(manual.socket, 0.1)
        manual.socket.send(manual.rate(1, rate_bps=MBPS))
        assert hears(manual.socket, 0.3) == 0


@pytest.mark.slow
def test_a_probe_that_falls_silent_is_not_sent_to_for_long(client: TestPointClient) -> None:
    manual = Manual(client, DOWN)
    only = manual.rate(1)
    with closing(manual.socket):
        manual.socket.send(only)
        for _ in range(3):
            assert hears(manual.socket, 0.3) > 15
            manual.socket.send(only)  # a copy is no sign of life
        hears(manual.socket, 0.4)
        assert hears(manual.socket, 0.3) == 0
    (news,) = client.poll()
    assert (news.run, news.stopped) == (0, "silence")
    assert client.request(CloseLoad(run=0)).counts.sent_packets < 130


def test_more_load_than_was_set_aside_is_not_taken(client: TestPointClient) -> None:
    manual = Manual(client, UP)
    with closing(manual.socket):
        sender = LoadSender(manual.socket, manual.keys, payload_octets=1_400, clock=CLOCK)
        manual.socket.send(manual.rate(1))
        assert hears(manual.socket, 0.1) > 0
        sender.send(1_000, 1)
        assert select.select([client], (), (), 2)[0]
        (news,) = client.poll()
        assert news.stopped == "limit"
        counts = client.request(CloseLoad(run=0)).counts
        sender.send(1_000, 1)  # to nobody: the session goes on
    assert counts.octets[-1] >= 10**6
    assert client.request(Finish()).observation
