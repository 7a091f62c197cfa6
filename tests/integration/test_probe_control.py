"""Reaching a Controller on loopback: every answer there is, and every way of not getting one."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from omega_core.clock import SystemClock
from omega_core.evidence import Attempt, AttemptKind, Ended
from omega_probe import control_reach
from omega_probe.events import Event, Notice, PhaseEnded, PhaseStarted, discard
from omega_probe.plan import ControlTarget
from omega_probe.session import check_control, run_without_grant

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Serve = Callable[[socket.socket], None]


def says(reply: bytes) -> Serve:
    """Answer a request with these octets."""

    def serve(connection: socket.socket) -> None:
        if connection.recv(4_096):
            connection.sendall(reply)

    return serve


def in_pieces(connection: socket.socket) -> None:
    connection.recv(4_096)
    for octet in OK[:20]:
        connection.sendall(bytes([octet]))
        time.sleep(0.002)


def is_silent(connection: socket.socket) -> None:
    while connection.recv(4_096):
        continue


def resets(connection: socket.socket) -> None:
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@contextmanager
def server(serve: Serve, address: str = "127.0.0.1") -> Iterator[int]:
    """Serve every connection in a thread of its own until the block ends."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listener:

        def one(connection: socket.socket) -> None:
            with connection:
                try:
                    serve(connection)
                except OSError:
                    return

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # or the accept under way would keep it listening


def reach(
    host: str,
    port: int,
    *,
    scheme: str = "http",
    attempts: int = 1,
    emit: Callable[[Event], None] = discard,
) -> tuple[Attempt, ...]:
    target = ControlTarget(
        scheme="https" if scheme == "https" else "http", host=host, port=port, path="/healthz"
    )
    return check_control(target, attempts=attempts, clock=SystemClock(), emit=emit)


def kinds(attempts: tuple[Attempt, ...]) -> list[tuple[AttemptKind, str | None]]:
    return [(attempt.kind, attempt.reason) for attempt in attempts]


TCP_OK = (AttemptKind.TCP, None)


@pytest.mark.parametrize(
    ("serve", "reason"),
    [
        pytest.param(says(OK), None, id="200"),
        pytest.param(says(b"HTTP/1.0 204 No Content\r\n\r\n"), None, id="204 of an old server"),
        pytest.param(in_pieces, None, id="octet by octet"),
        pytest.param(
            says(b"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n"),
            "http_status_302",
            id="a captive portal",
        ),
        pytest.param(says(b"HTTP/1.1 503 x\r\n\r\n"), "http_status_503", id="overloaded"),
        pytest.param(says(b"SSH-2.0-OpenSSH_9.2\r\n"), "not_http", id="SSH"),
        pytest.param(says(b"HTTP/1.1 20\r\n"), "not_http", id="a status of two digits"),
        pytest.param(says(b"x" * 20_000), "not_http", id="a line without an end"),
        pytest.param(says(b""), "closed", id="closes without an answer"),
        pytest.param(resets, "reset", id="resets"),
    ],
)
def test_what_a_server_may_answer(serve: Serve, reason: str | None) -> None:
    with server(serve) as port:
        assert kinds(reach("127.0.0.1", port)) == [TCP_OK, (AttemptKind.HTTP, reason)]


def test_a_silent_server_is_waited_for_once_and_not_once_a_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("omega_probe.http_attempt.ATTEMPT_WAIT_NS", 400_000_000)
    began = time.monotonic()
    with server(is_silent) as port:
        attempts = reach("127.0.0.1", port, attempts=3)
    assert time.monotonic() - began < 1.2
    assert [reason for kind, reason in kinds(attempts) if kind is AttemptKind.HTTP] == [
        "timeout"
    ] * 3


def test_a_closed_port_is_refused_in_every_round() -> None:
    with server(says(OK)) as port:
        pass
    assert kinds(reach("127.0.0.1", port, attempts=3)) == [(AttemptKind.TCP, "refused")] * 3


def test_over_ipv6() -> None:
    with server(says(OK), "::1") as port:
        attempts = reach("::1", port)
    assert [(attempt.family, attempt.answered) for attempt in attempts] == [(6, True), (6, True)]


def test_a_name_is_looked_up_in_both_families_and_what_it_lacks_is_no_attempt() -> None:
    events: list[Event] = []
    with server(says(OK)) as port:
        attempts = reach("localhost", port, emit=events.append)
    families = {attempt.family for attempt in attempts if attempt.kind is AttemptKind.DNS}
    assert 4 in families
    assert all(attempt.answered for attempt in attempts if attempt.family == 4)
    notices = {event.code for event in events if isinstance(event, Notice)}
    assert (6 in families) != ("no_address_ipv6" in notices)
    begun, *_, ended = events
    assert isinstance(begun, PhaseStarted)
    assert isinstance(ended, PhaseEnded)
    assert (begun.task, ended.end.task) == (control_reach.TASK, control_reach.TASK)
    assert ended.end.ended is Ended.COMPLETED


@pytest.mark.parametrize(
    "name",
    ["omega-no-such-host.invalid", "x" * 70 + ".invalid", "..", "bücher.invalid"],
    ids=["unknown", "a label too long", "not a name", "not ASCII"],
)
def test_a_name_that_does_not_resolve_is_one_failed_attempt(name: str) -> None:
    (attempt,) = reach(name, 80)
    assert (attempt.kind, attempt.family, attempt.answered) == (AttemptKind.DNS, None, False)
    assert attempt.reason in {"name_not_found", "name_server_failed", "name_timeout"}


def test_stop_is_honoured_and_what_was_made_is_kept() -> None:
    stop = threading.Event()
    with server(is_silent) as port:
        target = ControlTarget(scheme="http", host="127.0.0.1", port=port, path="/")
        threading.Timer(0.3, stop.set).start()
        began = time.monotonic()
        attempts = check_control(target, attempts=3, clock=SystemClock(), emit=discard, stop=stop)
    assert time.monotonic() - began < 0.8
    assert {attempt.kind for attempt in attempts} == {AttemptKind.TCP}


def test_a_dead_line_leaves_its_attempts_and_the_host() -> None:
    with server(says(OK)) as port:
        pass
    attempts = reach("127.0.0.1", port)
    target = ControlTarget(scheme="http", host="127.0.0.1", port=port, path="/")
    result = run_without_grant(attempts, target, clock=SystemClock(), emit=discard)
    assert result.evidence.attempts == attempts
    assert {end.ended for end in result.evidence.tasks} == {Ended.NO_GRANT}
    assert {value.reason for value in result.metrics.values()} >= {"no_grant", "not_measured"}
    assert result.metrics["reachable_ppm"].reason == "no_grant"
    assert result.environment.interface is not None
    assert (result.address, result.observation, result.bytes_up) == (None, None, 0)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that nobody has reason to trust, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.fromtimestamp(SystemClock().unix_us() / 1e6, UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def over_tls(certificate: Path) -> Serve:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            says(OK)(wrapped)

    return serve


def test_a_certificate_that_is_not_trusted(certificate: Path) -> None:
    with server(over_tls(certificate)) as port:
        attempts = reach("127.0.0.1", port, scheme="https")
    assert kinds(attempts) == [TCP_OK, (AttemptKind.HTTP, "certificate_not_trusted")]


def test_a_certificate_that_is_trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with server(over_tls(certificate)) as port:
        attempts = reach("localhost", port, scheme="https")
    assert (AttemptKind.HTTP, None) in kinds(attempts)


def test_https_to_a_server_without_tls() -> None:
    with server(says(OK)) as port:
        attempts = reach("127.0.0.1", port, scheme="https")
    assert kinds(attempts) == [TCP_OK, (AttemptKind.HTTP, "tls_failed")]


@pytest.mark.parametrize(
    ("serve", "told"),
    [
        pytest.param(says(OK), False, id="it answers"),
        pytest.param(resets, True, id="it takes the connection and says nothing"),
    ],
)
def test_a_person_is_told_that_the_server_was_not_reached(serve: Serve, *, told: bool) -> None:
    events: list[Event] = []
    with server(serve) as port:
        reach("127.0.0.1", port, emit=events.append)
    assert (Notice(code="control_not_reached") in events) is told
