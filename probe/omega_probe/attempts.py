"""One connectivity attempt: a name, a TCP connection; each with time and reason.

A reason is a short stable code, for the record and for sentences in people's languages:

    name_not_found name_server_failed name_timeout
    no_route host_unreachable refused timeout reset not_permitted
    tls_failed certificate_not_trusted
    http_status_NNN not_http closed

Everything here ends by its deadline, or a tenth of a second after stop was said.
"""

from __future__ import annotations

import errno
import queue
import select
import socket
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from omega_core.clock import Clock
from omega_core.evidence import Attempt, AttemptKind, Family
from omega_core.limits import ATTEMPT_WAIT_NS
from omega_core.units import NS_PER_S, NS_PER_US
from omega_probe.waiting import SLICE_NS, Waiter

SOCKET_FAMILY: Final[dict[Family, socket.AddressFamily]] = {4: socket.AF_INET, 6: socket.AF_INET6}
_ANY_ADDRESS: Final[dict[Family, str]] = {4: "192.0.2.1", 6: "2001:db8::1"}  # for documentation
_NOT_FOUND: Final = {socket.EAI_NONAME, socket.EAI_NODATA, getattr(socket, "EAI_ADDRFAMILY", -9)}
_REASON_OF_ERRNO: Final = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "host_unreachable",
    errno.ENETUNREACH: "no_route",
    errno.EADDRNOTAVAIL: "no_route",
    errno.ENETDOWN: "no_route",
    errno.EACCES: "not_permitted",
    errno.EPERM: "not_permitted",
}
ResultT = TypeVar("ResultT")


class AttemptFailedError(Exception):
    """An attempt drew no answer; `reason` is the code. Never leaves the probe."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def reason_of(error: OSError) -> str:
    """Return the code of a socket error; one without a name of its own is named by its errno."""
    if isinstance(error, TimeoutError):
        return "timeout"
    number = error.errno
    if number is None:
        return "failed"
    return _REASON_OF_ERRNO.get(number) or errno.errorcode.get(number, "failed").lower()


def timed(
    clock: Clock,
    kind: AttemptKind,
    family: Family | None,
    ask: Callable[[], ResultT],
    *,
    to_test_point: bool,
) -> tuple[Attempt, ResultT | None]:
    """Make one attempt; return what is kept of it, and what it got if it succeeded."""
    started_ns = clock.monotonic_ns()
    result: ResultT | None = None
    reason: str | None = None
    try:
        result = ask()
    except AttemptFailedError as error:
        reason = error.reason
    except OSError as error:
        reason = reason_of(error)
    attempt = Attempt(
        kind=kind,
        family=family,
        to_test_point=to_test_point,
        answered=reason is None,
        elapsed_us=(clock.monotonic_ns() - started_ns) // NS_PER_US,
        reason=reason,
    )
    return attempt, result


def literal_address(host: str) -> tuple[Family, str] | None:
    """Return family and address when `host` is an address and not a name."""
    for family, kind in SOCKET_FAMILY.items():
        try:
            found = socket.getaddrinfo(host, None, kind, flags=socket.AI_NUMERICHOST)
        except (OSError, UnicodeError):
            continue
        return family, str(found[0][4][0])
    return None


def lookup(host: str, family: Family, waiter: Waiter) -> tuple[str, ...]:
    """Return the addresses of a name in one family; raises AttemptFailedError, StoppedError.

    The resolver of the C library can't be interrupted, so it works in a thread of its own, which is
    left behind when it takes too long.
    """
    answers: queue.SimpleQueue[tuple[str, ...] | str] = queue.SimpleQueue()

    def ask() -> None:
        try:
            name = host.encode("ascii") if host.isascii() else host.encode("idna")
            found = socket.getaddrinfo(name, None, SOCKET_FAMILY[family], socket.SOCK_STREAM)
            answers.put(tuple(dict.fromkeys(str(entry[4][0]) for entry in found)))
        except socket.gaierror as error:
            answers.put("name_not_found" if error.errno in _NOT_FOUND else "name_server_failed")
        except (OSError, UnicodeError):
            answers.put("name_not_found")

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    deadline_ns = waiter.deadline_ns(ATTEMPT_WAIT_NS)
    while (left_ns := deadline_ns - waiter.clock.monotonic_ns()) > 0:
        waiter.check()
        try:
            answer = answers.get(timeout=min(left_ns, SLICE_NS) / NS_PER_S)
        except queue.Empty:
            continue
        if isinstance(answer, str):
            raise AttemptFailedError(answer)
        return answer
    raise AttemptFailedError("name_timeout")


def has_route(address: str, family: Family) -> bool:
    """Whether this host would know where to send a packet for the address; sends nothing."""
    try:
        with socket.socket(SOCKET_FAMILY[family], socket.SOCK_DGRAM) as endpoint:
            endpoint.connect((address, 9))
    except OSError as error:
        # A firewall's refusal is no missing route: the attempt itself will tell.
        return error.errno in {errno.EACCES, errno.EPERM}
    return True


def has_default_route(family: Family) -> bool:
    """Whether this host could reach anything in the family beyond its own links."""
    return has_route(_ANY_ADDRESS[family], family)


def connect(address: str, port: int, family: Family, waiter: Waiter) -> socket.socket:
    """Return a connected, non-blocking TCP socket.

    Raises AttemptFailedError, OSError or StoppedError.
    """
    connection = socket.socket(SOCKET_FAMILY[family], socket.SOCK_STREAM)
    try:
        connection.setblocking(False)  # noqa: FBT003 - the standard library's signature
        _finish_connecting(connection, connection.connect_ex((address, port)), waiter)
    except BaseException:
        connection.close()
        raise
    return connection


def _finish_connecting(connection: socket.socket, number: int, waiter: Waiter) -> None:
    if number == errno.EINPROGRESS:
        if not waiter.ready(connection, select.POLLOUT, waiter.deadline_ns(ATTEMPT_WAIT_NS)):
            raise AttemptFailedError("timeout")
        number = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise OSError(number, "connect")
