"""The one door to the server: HTTP requests, and what their answers mean.

Nothing here decides what to do next, nothing retries. An answer is either the message that was
asked for, checked for its form, or one of three errors:

    NoAnswerError      nobody answered: a name, a route, a port, a silence
    WrongAnswerError   somebody did, but not as an Omega server does (a portal, a proxy, a bug)
    RefusedError       the server said no and why; BusyError when later may help

The control connection goes where the measurement goes: proxies of the environment are not used,
redirects not followed. One client is used by one thread at a time; each proof of an address has its
own, and a session is asked for over the connection that carried the last of them: it is open, and
its family works.
"""

from __future__ import annotations

import omega_agent.lean_httpx  # noqa: F401 - before httpx, for what it does

# isort: split
import socket
import ssl
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

import httpx

from omega_agent.errors import (
    BusyError,
    NoAnswerError,
    WrongAnswerError,
    WrongUseError,
)
from omega_agent.server_url import ServerUrl, all_near, literal_address
from omega_core.canonical import NotPlainJsonError
from omega_core.clock import Clock
from omega_core.control import (
    AddressProof,
    ConsistencyProof,
    EnrolmentAnswer,
    GrantAnswer,
    Refusal,
    ServerInfo,
)
from omega_core.errors import RefusedError
from omega_core.evidence import Family
from omega_core.instruction import ReportTaken
from omega_core.limits import ANSWER_BYTES_MAX
from omega_core.models import ContentError, Digest, ModelT, StrictModel, parse_model
from omega_core.units import NS_PER_S

CONNECT_TIMEOUT_S: Final = 5  # three lost SYNs, a second, two and four apart, are a dead path
ANSWER_TIMEOUT_S: Final = 20  # a Collector on a slow disk syncs; whatever is slower is broken
_IDLE_S: Final = 3  # a connection unused for longer isn't used again: our server closes after 5 s
_ANY_ADDRESS: Mapping[Family, str] = {4: "0.0.0.0", 6: "::"}  # noqa: S104 - the source of a connection
_LATER = {408, 425, 429}  # of the 4xx, those that speak of the moment and not of the request
_LATER_CODES = {"in_progress", "busy"}
_JSON = {"content-type": "application/json"}


class _Taken(StrictModel):
    """The answer to an observation; a portal's page is none."""

    digest: Digest


class Uplink:
    """Speaks to one server; see the module for what its calls raise."""

    def __init__(
        self,
        server: ServerUrl,
        *,
        software: str,
        clock: Clock,
        insecure: bool = False,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare; nothing is sent. `transport` takes the place of the network in tests.

        Raises WrongUseError for plain http to an address that is neither loopback nor private.
        """
        if not insecure and server.scheme == "http":
            _refuse_far(server)
        self._server = server
        self._insecure = insecure
        self._clock = clock
        self._transport = transport
        self._headers = {"user-agent": software, "accept": "application/json"}
        self._client = self._new_client(source=None)
        self._proved: list[httpx.Client] = []
        """Those that a proof came over, the last one last."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()
        for client in self._proved:
            client.close()

    def server_info(self) -> ServerInfo:
        """Return what the server says of itself, its key foremost: unproved until pinned."""
        return _message(ServerInfo, self._send("GET", "/v1/server"))

    def address_proof(self, family: Family) -> AddressProof:
        """Return the server's word on our address in one family, asked over that family."""
        with ExitStack() as unproved:
            client = self._new_client(source=_ANY_ADDRESS[family])
            unproved.callback(client.close)
            proof = _message(AddressProof, self._send("GET", "/v1/address", client=client))
            unproved.pop_all()
        self._proved.append(client)
        if self._client.is_closed:  # the uplink was left, by one who did not wait for this answer
            client.close()
        return proof

    def enrol(self, request: bytes) -> EnrolmentAnswer:
        """Send a sealed enrolment request."""
        return _message(EnrolmentAnswer, self._send("POST", "/v1/agents", request))

    def rotate_key(self, rotation: bytes) -> EnrolmentAnswer:
        """Send a rotation of this device's key, sealed by the old and the new one."""
        return _message(EnrolmentAnswer, self._send("POST", "/v1/agents/keys", rotation))

    def request_session(self, request: bytes) -> GrantAnswer:
        """Send a sealed session request; the grant in the answer is not checked here."""
        client = self._proved[-1] if self._proved else self._client
        return _message(GrantAnswer, self._send("POST", "/v1/sessions", request, client=client))

    def any_address_proof(self) -> AddressProof:
        """Return the server's word on our address, in whichever family it is reached first."""
        return _message(AddressProof, self._send("GET", "/v1/address"))

    def check_in(self, check_in: bytes, *, wait_s: int) -> bytes:
        """Send a sealed check-in, and wait; return the sealed answer, not checked here."""
        return self._send("POST", "/v1/check-ins", check_in, wait_s=wait_s)

    def report(self, report: bytes) -> ReportTaken:
        """Send a sealed report on an instruction."""
        return _message(ReportTaken, self._send("POST", "/v1/instruction-reports", report))

    def post_observation(self, envelope: bytes) -> None:
        """Post what the test point signed; again changes nothing."""
        _message(_Taken, self._send("POST", "/v1/observations", envelope))

    def post_record(self, envelope: bytes, digest: str) -> bytes:
        """Post a sealed record; return the sealed receipt, not checked here."""
        return self._send("POST", "/v1/records", envelope, {"idempotency-key": digest})

    def standing_grant(self, request: bytes) -> bytes:
        """Send a sealed standing request; return the sealed grant, not checked here."""
        return self._send("POST", "/v1/standing-grants", request)

    def post_availability(self, envelope: bytes, digest: str) -> bytes:
        """Post a sealed availability record; return the sealed receipt, not checked here."""
        return self._send("POST", "/v1/availability", envelope, {"idempotency-key": digest})

    def record_proof(self, digest: str) -> str:
        """Return the proof that a record is in the server's log, not checked here."""
        return self._text(self._send("GET", f"/v1/log/proofs/{digest}"))

    def consistency(self, old_size: int, new_size: int) -> ConsistencyProof:
        """Return the proof that the server's log of one size begins with that of another."""
        path = f"/v1/log/consistency/{old_size}/{new_size}"
        return _message(ConsistencyProof, self._send("GET", path))

    def _text(self, content: bytes) -> str:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise WrongAnswerError("not_omega_message", why=error.reason) from error

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        client: httpx.Client | None = None,
        wait_s: int = 0,
    ) -> bytes:
        """Return the body of a good answer; raises as the module says.

        `wait_s` is how long the server may wait for something before it answers.
        """
        more = {**(_JSON if body is not None else {}), **(headers or {})}
        url = f"{self._server}{path}"
        try:
            with (client or self._client).stream(
                method, url, content=body, headers=more, timeout=_timeout(wait_s)
            ) as answer:
                content = self._read(answer)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise self._no_answer(error) from error
        if answer.is_success:
            return content
        raise self._refusal(answer, content)

    def _read(self, answer: httpx.Response) -> bytes:
        """Return the body; the bounds hold against a server that sends for ever, fast or slow."""
        deadline_ns = self._clock.monotonic_ns() + ANSWER_TIMEOUT_S * NS_PER_S
        content = bytearray()
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > ANSWER_BYTES_MAX:
                raise WrongAnswerError("answer_too_large", server=self._server)
            if self._clock.monotonic_ns() > deadline_ns:
                raise NoAnswerError("no_answer", server=self._server, why="answer not finished")
        return bytes(content)

    def _no_answer(self, error: Exception) -> NoAnswerError | WrongAnswerError:
        if isinstance(error, httpx.ProtocolError | httpx.InvalidURL):
            return WrongAnswerError("not_omega", server=self._server, what=type(error).__name__)
        return NoAnswerError("no_answer", server=self._server, why=_reason(error))

    def _refusal(self, answer: httpx.Response, content: bytes) -> RefusedError | WrongAnswerError:
        status = answer.status_code
        try:
            refusal = parse_model(Refusal, content)
        except (NotPlainJsonError, ContentError):
            return WrongAnswerError("not_omega", server=self._server, what=f"HTTP {status}")
        said = (refusal.code, refusal.detail, refusal.who_acts)
        if status >= 500 or status in _LATER or refusal.code in _LATER_CODES:
            return BusyError(*said, refusal.retry_after_s)
        return RefusedError(*said)

    def _new_client(self, *, source: str | None) -> httpx.Client:
        transport = self._transport or httpx.HTTPTransport(
            verify=self._tls(),
            local_address=source,
            trust_env=False,
            limits=httpx.Limits(keepalive_expiry=_IDLE_S),
        )
        return httpx.Client(
            transport=transport,
            headers=self._headers,
            timeout=_timeout(0),
            trust_env=False,
        )

    def _tls(self) -> ssl.SSLContext:
        """Return how to check the server's certificate: by the system's authorities.

        For plain http an empty context, which spares loading hundreds of certificates.
        """
        if self._server.scheme == "http":
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context = ssl.create_default_context()
        if self._insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _timeout(wait_s: int) -> httpx.Timeout:
    return httpx.Timeout(
        ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S, read=ANSWER_TIMEOUT_S + wait_s
    )


def _refuse_far(server: ServerUrl) -> None:
    literal = literal_address(server.host)
    addresses = [literal] if literal else _resolve(server)
    if not all_near(addresses):
        raise WrongUseError("plain_http", server=server)


def _resolve(server: ServerUrl) -> list[str]:
    """Return the addresses of the host; none when the name is not resolved: then none is far."""
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(each[4][0]) for each in found]


def _reason(error: BaseException) -> str:
    """Return the system's own word for a failure, from deepest in the chain of causes."""
    deepest: BaseException = error
    while (cause := deepest.__cause__ or deepest.__context__) is not None:
        deepest = cause
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(deepest, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {deepest.verify_message}"
    if isinstance(deepest, OSError) and deepest.strerror:
        return deepest.strerror
    return type(error).__name__


def _message(model: type[ModelT], content: bytes) -> ModelT:
    try:
        return parse_model(model, content)
    except (NotPlainJsonError, ContentError) as error:
        raise WrongAnswerError("not_omega_message", why=error) from None
