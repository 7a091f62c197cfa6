"""The path's drivers on this host: the kernel's real error queue, name servers and web servers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from omega_core.clock import SystemClock
from omega_core.path import (
    HopAnswer,
    MtuEnd,
    MtuSearch,
    NameOutcome,
    NameServerSource,
    NotObserved,
    PortalAnswer,
    PortalCheck,
    TraceEnd,
    Unobserved,
)
from omega_core.units import NS_PER_MS, NS_PER_S, US_PER_S
from omega_probe.events import Event, PhaseEnded
from omega_probe.path_diagnosis import PathBudget, PathTargets, diagnose_path
from omega_probe.path_flow import Spending, run_flow
from omega_probe.path_names import ask_server
from omega_probe.path_portal import check_portal
from omega_probe.path_sockets import UdpChannel
from omega_probe.path_trace import PathTrace, Rounds
from omega_probe.plan import ControlTarget
from omega_probe.waiting import StoppedError, Waiter

TOKEN = b"test"
CLOCK = SystemClock()


@pytest.fixture
def closed_port() -> int:
    """Return a port of UDP where nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        endpoint.bind(("127.0.0.1", 0))
        return int(endpoint.getsockname()[1])


def flow(port: int, rounds: Rounds, budget: PathBudget | None = None) -> tuple[PathTrace, str]:
    trace = PathTrace(rounds)
    spending = Spending(budget or PathBudget(), CLOCK.monotonic_ns())
    with UdpChannel(4, "127.0.0.1", port, TOKEN) as channel:
        refusal = run_flow(trace, channel, ip_octets=60, waiter=Waiter(CLOCK), spending=spending)
    return trace, refusal


def test_the_error_queue_tells_of_a_closed_port(closed_port: int) -> None:
    trace, refusal = flow(closed_port, Rounds(count=3, apart_ns=20 * NS_PER_MS))
    assert refusal == ""
    assert trace.ended is TraceEnd.REACHED
    (hop,) = trace.hops()
    assert (hop.address, hop.answer) == ("127.0.0.1", HopAnswer.PORT_UNREACHABLE)
    assert (hop.icmp_type, hop.icmp_code) == (3, 3)
    assert hop.answered >= 1
    assert all(rtt_us < US_PER_S for rtt_us in hop.rtt_us if rtt_us is not None)


def test_somebody_who_listens_and_repeats_us_is_reached_too() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo:
        echo.bind(("127.0.0.1", 0))
        echo.settimeout(5)

        def repeat() -> None:
            data, sender = echo.recvfrom(2_048)
            echo.sendto(b"rubbish", sender)
            echo.sendto(data, sender)

        thread = threading.Thread(target=repeat, daemon=True)
        thread.start()
        trace, _ = flow(echo.getsockname()[1], Rounds(ttl_last=1, count=1))
        thread.join(5)
    assert trace.ended is TraceEnd.REACHED


def test_a_budget_of_packets_ends_a_flow(closed_port: int) -> None:
    rounds = Rounds(ttl_first=9, ttl_last=9, count=5, apart_ns=NS_PER_MS)
    trace, _ = flow(closed_port, rounds, PathBudget(packets=2))
    assert trace.packets_sent == 2


def test_a_budget_of_time_ends_a_flow(closed_port: int) -> None:
    before_ns = CLOCK.monotonic_ns()
    flow(closed_port, Rounds(count=20), PathBudget(total_ns=50 * NS_PER_MS))
    assert CLOCK.monotonic_ns() - before_ns < NS_PER_S


def test_what_is_not_ours_reaches_nobody() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo:
        echo.bind(("127.0.0.1", 0))
        echo.settimeout(5)

        def forge() -> None:
            data, sender = echo.recvfrom(2_048)
            echo.sendto(b"else" + data[4:], sender)

        thread = threading.Thread(target=forge, daemon=True)
        thread.start()
        rounds = Rounds(ttl_last=1, count=1, waiting_time_ns=300 * NS_PER_MS)
        trace, _ = flow(echo.getsockname()[1], rounds)
        thread.join(5)
    assert trace.ended is TraceEnd.SILENT


@contextmanager
def name_server(answers: Callable[[bytes], bytes | None]) -> Iterator[int]:
    """Serve questions on a port until the block ends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        endpoint.bind(("127.0.0.1", 0))
        over = threading.Event()
        endpoint.settimeout(0.05)

        def serve() -> None:
            while not over.is_set():
                try:
                    data, sender = endpoint.recvfrom(512)
                except TimeoutError:
                    continue
                if (answer := answers(data)) is not None:
                    endpoint.sendto(answer, sender)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(endpoint.getsockname()[1])
        finally:
            over.set()
            thread.join(5)


def ask(port: int, stop: threading.Event | None = None) -> tuple[set[NameOutcome], set[int]]:
    server = ask_server(
        "127.0.0.1",
        4,
        "controller.example",
        NameServerSource.HOST,
        number=65_535,
        waiter=Waiter(CLOCK, stop),
        port=port,
    )
    return {each.outcome for each in server.questions}, {each.sent for each in server.questions}


def good(question: bytes) -> bytes:
    return question[:2] + b"\x81\x80" + question[4:]


def test_a_name_server_that_answers() -> None:
    with name_server(good) as port:
        assert ask(port) == ({NameOutcome.ANSWERED}, {1})


def test_one_that_answers_the_second_time() -> None:
    seen: list[bytes] = []

    def deaf_at_first(question: bytes) -> bytes | None:
        seen.append(question)
        return good(question) if len(seen) > 2 else None

    before_ns = CLOCK.monotonic_ns()
    with name_server(deaf_at_first) as port:
        assert ask(port) == ({NameOutcome.ANSWERED}, {2})
    assert CLOCK.monotonic_ns() - before_ns < 2 * NS_PER_S


@pytest.mark.slow  # three seconds of silence
def test_one_that_never_answers() -> None:
    with name_server(lambda _: None) as port:
        assert ask(port) == ({NameOutcome.TIMEOUT}, {2})


@pytest.mark.slow  # three seconds in which nothing better comes
def test_one_that_answers_something_else() -> None:
    with name_server(lambda _: b"rubbish") as port:
        assert ask(port)[0] == {NameOutcome.MALFORMED}


def test_a_port_where_no_name_server_listens(closed_port: int) -> None:
    assert ask(closed_port)[0] == {NameOutcome.REFUSED}


def test_asking_ends_when_told_to() -> None:
    stop = threading.Event()
    stop.set()
    with name_server(lambda _: None) as port:
        assert ask(port, stop)[0] == {NameOutcome.TIMEOUT}


@contextmanager
def web_server(answer: bytes) -> Iterator[int]:
    """Answer one connection with these octets."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(5)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(2_048)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join(5)


def portal(port: int, *, within_ns: int = 3 * NS_PER_S) -> PortalCheck | Unobserved:
    target = ControlTarget(scheme="http", host="127.0.0.1", port=port, path="/healthz")
    return check_portal(target, Waiter(CLOCK), CLOCK.monotonic_ns() + within_ns)


def test_a_portal_is_told_by_its_answer() -> None:
    with web_server(b"HTTP/1.1 302 Found\r\nLocation: http://login.lan/\r\n\r\n") as port:
        check = portal(port)
    assert isinstance(check, PortalCheck)
    assert (check.answer, check.status) == (PortalAnswer.OTHER, 302)
    assert check.location == "http://login.lan/"


def test_a_server_that_closes_without_a_word_is_nobody() -> None:
    with web_server(b"") as port:
        check = portal(port)
    assert isinstance(check, PortalCheck)
    assert (check.answer, check.reason) == (PortalAnswer.NONE, "closed")


def test_nobody_listens() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    check = portal(port)
    assert isinstance(check, PortalCheck)
    assert check.reason == "refused"


def test_without_a_controller_there_is_nobody_to_ask() -> None:
    expected = Unobserved(not_observed=NotObserved.NO_TARGET)
    assert check_portal(None, Waiter(CLOCK), 0) == expected


def test_a_check_that_is_stopped_says_so() -> None:
    stop = threading.Event()
    stop.set()
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        target = ControlTarget(scheme="http", host="127.0.0.1", port=port, path="/")
        with pytest.raises(StoppedError):
            check_portal(target, Waiter(CLOCK, stop), CLOCK.monotonic_ns() + NS_PER_S)


def test_a_diagnosis_that_is_stopped_tells_what_there_is() -> None:
    stop, events = threading.Event(), list[Event]()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    before_ns = CLOCK.monotonic_ns()
    facts = diagnose_path(
        PathTargets(test_point=("127.0.0.1",)), clock=CLOCK, emit=events.append, stop=stop
    )
    timer.join()
    assert CLOCK.monotonic_ns() - before_ns < 2 * NS_PER_S
    assert [path.family for path in facts.families] == [4, 6]
    assert isinstance(events[-1], PhaseEnded)
    assert events[-1].end.ended == "interrupted"


@pytest.mark.slow  # a whole diagnosis takes six seconds
def test_a_diagnosis_of_this_host_itself() -> None:
    facts = diagnose_path(PathTargets(test_point=("127.0.0.1", "::1")), clock=CLOCK)
    v4 = facts.families[0]
    assert v4.traces[0].ended is TraceEnd.REACHED
    assert v4.source == "127.0.0.1"
    if isinstance(v4.mtu, MtuSearch):
        assert v4.mtu.ended is MtuEnd.WHOLE
