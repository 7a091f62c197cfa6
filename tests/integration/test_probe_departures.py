"""The kernel's times of sending, over loopback: numbered, close, and done without."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from omega_core.clock import SystemClock
from omega_core.sockets import datagrams
from omega_core.sockets.datagrams import ask_for_departures, departures, prepare, receive
from omega_core.sockets.linux import SO_TIMESTAMPING, SO_TIMESTAMPNS
from omega_core.units import NS_PER_MS
from omega_probe import stream
from omega_probe.round_trip import StampSender
from omega_probe.stream import StreamDriver

FAMILIES = {4: (socket.AF_INET, "127.0.0.1"), 6: (socket.AF_INET6, "::1")}


@pytest.fixture(params=[4, 6], ids=["v4", "v6"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    family, address = FAMILIES[request.param]
    with (
        closing(socket.socket(family, socket.SOCK_DGRAM)) as sender,
        closing(socket.socket(family, socket.SOCK_DGRAM)) as receiver,
    ):
        receiver.bind((address, 0))
        sender.connect(receiver.getsockname()[:2])
        for endpoint in (sender, receiver):
            endpoint.setblocking(False)  # noqa: FBT003 - the standard library's signature
            prepare(endpoint)
        yield sender, receiver


def test_each_sending_has_its_number_and_a_time_between_call_and_return(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    sender, _ = pair
    assert ask_for_departures(sender)
    for number in range(3):
        before_ns = time.time_ns()
        sender.send(b"x")
        after_ns = time.time_ns()
        (departure,) = departures(sender)
        assert departure.number == number
        assert before_ns <= departure.unix_ns <= after_ns
    assert [*departures(sender)] == [], "nothing there: it does not wait"


def test_asking_again_begins_again_at_nought(pair: tuple[socket.socket, socket.socket]) -> None:
    sender, _ = pair
    for _ in range(2):
        ask_for_departures(sender)
        sender.send(b"x")
        assert [each.number for each in departures(sender)] == [0]


def test_arrivals_have_the_kernels_time_whether_departures_are_asked_for_or_not(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    sender, receiver = pair
    before_ns = time.time_ns()
    sender.send(b"x")
    received_ns = receive(receiver).received_unix_ns
    assert received_ns is not None
    assert before_ns <= received_ns <= time.time_ns()


def _sources(monkeypatch: pytest.MonkeyPatch, refused: set[int]) -> str:
    """Run a short stream to a port that echoes nothing and say whose times it had."""
    real = datagrams._asked

    def asked(endpoint: socket.socket, option: int, value: int) -> bool:
        return option not in refused and real(endpoint, option, value)

    monkeypatch.setattr(datagrams, "_asked", asked)
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as peer:
        peer.bind(("127.0.0.1", 0))
        echo = threading.Thread(target=_echo, args=(peer, 5), daemon=True)
        echo.start()
        driver = StreamDriver("127.0.0.1", peer.getsockname()[1], 4, SystemClock())
        with closing(driver):
            machine = StampSender(
                count=5, period_ns=5 * NS_PER_MS, ssid=1, waiting_time_ns=100 * NS_PER_MS
            )
            driver.run(machine, stop=threading.Event())
        echo.join(1)
        assert driver.received == 5
        assert driver.timestamp_uncertainty_us is not None
        return driver.timestamps


def _echo(peer: socket.socket, count: int) -> None:
    for _ in range(count):
        data, sender = peer.recvfrom(200)
        peer.sendto(data, sender)


def test_a_host_that_tells_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _sources(monkeypatch, set()) == "kernel"


def test_a_host_without_timestamping_has_the_kernels_arrivals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert _sources(monkeypatch, {SO_TIMESTAMPING}) == "kernel-rx"


def test_a_host_without_any_times_measures_by_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = {SO_TIMESTAMPING, SO_TIMESTAMPNS}
    assert _sources(monkeypatch, refused) == "host"


def test_a_device_that_tells_some_departures_only(monkeypatch: pytest.MonkeyPatch) -> None:

    def some(endpoint: socket.socket) -> Iterator[datagrams.Departure]:
        return (each for each in departures(endpoint) if each.number % 2)

    monkeypatch.setattr(stream, "departures", some)
    assert _sources(monkeypatch, set()) == "mixed"
