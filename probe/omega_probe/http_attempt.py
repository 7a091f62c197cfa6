"""One cheap HTTP request over a connection that is already there, and the status of its answer.

Only the status line is read. This is no HTTP client: it follows nothing and believes nothing, for a
captive portal that redirects is a failure to be told and not to be followed.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from omega_core.limits import ATTEMPT_WAIT_NS
from omega_probe.attempts import AttemptFailedError
from omega_probe.plan import ControlTarget
from omega_probe.waiting import Waiter

if TYPE_CHECKING:
    import ssl

STATUS_LINE_OCTETS_MAX: Final = 4_096
_READ_OCTETS: Final = 1_024
# What a TLS socket raises when it can't go on; by name, so that ssl need not be loaded for http.
_WANTED: Final = {
    "SSLWantReadError": select.POLLIN,
    "SSLWantWriteError": select.POLLOUT,
}
ResultT = TypeVar("ResultT")


def tls_context() -> ssl.SSLContext:
    """Return the system's trust, for a Controller behind https."""
    import ssl  # noqa: PLC0415 - libssl and the list of authorities: only where they are needed

    return ssl.create_default_context()


def get(
    connection: socket.socket, target: ControlTarget, context: ssl.SSLContext | None, waiter: Waiter
) -> int:
    """Ask for the target's page; return its status, which is 2xx.

    Takes the connection over and closes it. Raises AttemptFailedError, also for any other status,
    OSError or StoppedError.
    """
    exchange = _Exchange(waiter, waiter.deadline_ns(ATTEMPT_WAIT_NS))
    with connection:
        spoken = connection
        if context is not None:
            spoken = exchange.over_tls(connection, target.host, context)
        with spoken:
            exchange.send(spoken, _request(target))
            status = _status(exchange.first_line(spoken))
    if not 200 <= status < 300:
        raise AttemptFailedError(f"http_status_{status}")
    return status


class _Exchange:
    """One request and its answer on a non-blocking socket, until one deadline."""

    def __init__(self, waiter: Waiter, deadline_ns: int) -> None:
        self._waiter = waiter
        self._deadline_ns = deadline_ns

    def over_tls(
        self, connection: socket.socket, host: str, context: ssl.SSLContext
    ) -> socket.socket:
        import ssl  # noqa: PLC0415 - see `tls_context`

        try:
            wrapped = context.wrap_socket(
                connection, server_hostname=host, do_handshake_on_connect=False
            )
        except ValueError:  # a host name that TLS can't carry
            raise AttemptFailedError("tls_failed") from None
        try:
            self._go_on(wrapped.do_handshake, wrapped, select.POLLIN)
        except BaseException as error:
            wrapped.close()
            if isinstance(error, ssl.SSLCertVerificationError):
                raise AttemptFailedError("certificate_not_trusted") from None
            if isinstance(error, ssl.SSLError):
                raise AttemptFailedError("tls_failed") from None
            raise
        return wrapped

    def send(self, channel: socket.socket, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            sent = self._go_on(partial(channel.send, rest), channel, select.POLLOUT)
            rest = rest[sent:]

    def first_line(self, channel: socket.socket) -> bytes:
        line = bytearray()
        while b"\n" not in line and len(line) < STATUS_LINE_OCTETS_MAX:
            data = self._go_on(partial(channel.recv, _READ_OCTETS), channel, select.POLLIN)
            if not data:
                raise AttemptFailedError("closed")
            line += data
        return bytes(line.partition(b"\n")[0])

    def _go_on(self, call: Callable[[], ResultT], channel: socket.socket, events: int) -> ResultT:
        """Make a call, again whenever the socket was not ready for it."""
        while True:
            try:
                return call()
            except BlockingIOError:
                wanted = events
            except OSError as error:
                if type(error).__name__ not in _WANTED:
                    raise
                wanted = _WANTED[type(error).__name__]
            if not self._waiter.ready(channel, wanted, self._deadline_ns):
                raise AttemptFailedError("timeout")


def _request(target: ControlTarget) -> bytes:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return (
        f"GET {target.path} HTTP/1.1\r\nHost: {host}:{target.port}\r\n"
        "User-Agent: omega-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    ).encode("ascii", "replace")


def _status(line: bytes) -> int:
    version, _, rest = line.partition(b" ")
    digits = rest[:3]
    if not version.startswith(b"HTTP/1.") or len(digits) != 3 or not digits.isdigit():
        raise AttemptFailedError("not_http")
    return int(digits)
