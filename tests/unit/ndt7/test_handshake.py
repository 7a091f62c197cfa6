"""The request that opens a WebSocket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_server.testpoint.ndt7.handshake import (
    ECHO,
    HEAD_OCTETS_MAX,
    NDT7,
    HandshakeError,
    head_in,
    upgrade_in,
)

HEADERS = {
    "Host": "tp.example:8080",
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Protocol": NDT7,
    "Origin": "https://omega.example",
    "User-Agent": "a browser",
}


def request(target: str = "/ndt/v7/download", method: str = "GET", **changes: str | None) -> bytes:
    headers = {**HEADERS, **{name.replace("_", "-"): value for name, value in changes.items()}}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""]).encode("latin-1")


def test_the_example_of_the_standard() -> None:
    """RFC 6455 section 1.3: this key is answered with this digest."""
    asked = upgrade_in(request("/ndt/v7/upload?access_token=abc&x=1"))
    assert (asked.path, asked.query["access_token"]) == ("/ndt/v7/upload", "abc")
    assert (asked.origin, asked.user_agent) == ("https://omega.example", "a browser")
    answer = asked.answer()
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert f"Sec-WebSocket-Protocol: {NDT7}\r\n".encode() in answer
    assert answer.endswith(b"\r\n\r\n")


def test_several_subprotocols_may_be_offered() -> None:
    offered = request("/omega/v1/echo", Sec_WebSocket_Protocol=f"x, {ECHO}")
    assert upgrade_in(offered).protocol == ECHO


@pytest.mark.parametrize(
    ("head", "status"),
    [
        pytest.param(b"\x16\x03\x01\x02\x00\r\n\r\n", 400, id="TLS where there is none"),
        pytest.param(b"hello\r\n\r\n", 400, id="no request"),
        pytest.param(request("/"), 404, id="no test there"),
        pytest.param(request("/ndt/v7/../../etc/passwd"), 404, id="a path"),
        pytest.param(request(method="POST"), 405, id="another method"),
        pytest.param(request(Upgrade=None), 426, id="a plain request"),
        pytest.param(request(Connection="close"), 426, id="one that wants no upgrade"),
        pytest.param(request(Sec_WebSocket_Version="8"), 426, id="an old version"),
        pytest.param(request(Sec_WebSocket_Key="short"), 400, id="no key"),
        pytest.param(request(Sec_WebSocket_Key="?" * 24), 400, id="a key of no letters"),
        pytest.param(request(Sec_WebSocket_Protocol="chat"), 400, id="another subprotocol"),
        pytest.param(request(Host=None), 400, id="no host"),
        pytest.param(request("/ndt/v7/download?" + "&".join(["a=1"] * 40)), 400, id="a long query"),
        pytest.param(request().replace(b"Host:", b"Ho st:"), 400, id="a header that can't be read"),
        pytest.param(
            request(**{f"X-{number}": "1" for number in range(70)}), 431, id="too many headers"
        ),
    ],
)
def test_what_opens_no_test_is_told_why(head: bytes, status: int) -> None:
    with pytest.raises(HandshakeError) as refused:
        upgrade_in(head)
    assert refused.value.status == status
    answer = refused.value.answer(retry_after_s=7)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Connection: close\r\n" in answer
    assert b"Retry-After: 7\r\n" in answer


def test_a_head_is_waited_for_up_to_its_limit() -> None:
    head = request()
    assert head_in(head[:-1]) is None
    assert head_in(head + b"\x82\x80") == len(head)
    with pytest.raises(HandshakeError) as refused:
        head_in(b"x" * HEAD_OCTETS_MAX)
    assert refused.value.status == 431


@given(st.binary(max_size=500))
def test_garbage_is_refused(octets: bytes) -> None:
    with pytest.raises(HandshakeError):
        upgrade_in(octets + b"\r\n\r\n")
