"""Browsers' tests over real sockets, with somebody else's WebSocket client."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from omega_core.browser import BrowserGrant, BrowserObservation
from omega_core.clock import SystemClock
from omega_core.envelope import PayloadType, open_sealed, parse_envelope, seal
from omega_core.keys import to_base64url
from omega_core.models import model_bytes, parse_model
from omega_core.units import US_PER_S
from omega_server.testpoint.ndt7.door import Door, DoorSettings
from omega_server.testpoint.ndt7.handshake import ECHO, NDT7
from omega_server.testpoint.ndt7.tokens import TokenDesk
from support.builders import SERVER_KEY, TEST_POINT_KEY

PLENTY = 10**10


def token(**changes: Any) -> str:  # noqa: ANN401 - fields of the grant
    now = SystemClock().unix_us()
    fields: dict[str, Any] = {
        "test_id": "BT-1",
        "nonce": to_base64url(os.urandom(16)),
        "test_point": "tp-1",
        "address": "127.0.0.1",
        "bytes_down": PLENTY,
        "bytes_up": PLENTY,
        "not_before_unix_us": now,
        "not_after_unix_us": now + 60 * US_PER_S,
    }
    grant = BrowserGrant(**{**fields, **changes})
    return to_base64url(seal(model_bytes(grant), PayloadType.BROWSER_GRANT, SERVER_KEY))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    desk = TokenDesk([SERVER_KEY.public], "tp-1")
    door = Door(
        DoorSettings(test_point="tp-1", is_open=False, tests_of_an_address_max=8),
        desk,
        seal=lambda seen: seal(model_bytes(seen), PayloadType.BROWSER_OBSERVATION, TEST_POINT_KEY),
        clock=SystemClock(),
    )
    listener = socket.create_server(("127.0.0.1", 0))
    ended, end = socket.socketpair()
    thread = threading.Thread(target=door.serve_until, args=(listener, ended.fileno()))
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        end.send(b".")
        thread.join()
        for each in (listener, ended, end):
            each.close()


def opened(port: int, path: str, protocol: str, access: str | None = None) -> ClientConnection:
    query = "" if access is None else f"?access_token={access}"
    return connect(
        f"ws://127.0.0.1:{port}{path}{query}",
        subprotocols=[Subprotocol(protocol)],
        compression=None,
        max_size=None,
        proxy=None,
    )


def seen_in(text: str) -> BrowserObservation:
    keys = {TEST_POINT_KEY.public.kid: TEST_POINT_KEY.public}
    envelope = parse_envelope(json.loads(text)["OmegaObservation"].encode())
    payload = open_sealed(envelope, PayloadType.BROWSER_OBSERVATION, keys)
    return parse_model(BrowserObservation, payload)


def test_a_download_is_counted_told_and_sealed(port: int) -> None:
    octets, told, last = 0, list[dict[str, Any]](), ""
    access = token(bytes_down=200_000_000)
    with opened(port, "/ndt/v7/download", NDT7, access) as client:
        assert client.subprotocol == NDT7
        for message in client:
            if isinstance(message, bytes):
                octets += len(message)
            elif "OmegaObservation" in message:
                last = message
            else:
                told.append(json.loads(message))
    assert octets == 200_000_000, "the octets of the grant, and no more"
    seen = seen_in(last)
    assert (seen.task, seen.run, seen.test_id, seen.address) == (
        "download",
        0,
        "BT-1",
        "127.0.0.1",
    )
    assert seen.octets == octets
    assert all(each["Test"] == "download" for each in told)
    assert all(each["AppInfo"]["NumBytes"] <= octets for each in told)


def test_an_upload_is_counted_and_sealed(port: int) -> None:
    block, told, last = os.urandom(1 << 16), list[dict[str, Any]](), ""
    with opened(port, "/ndt/v7/upload", NDT7, token(bytes_up=100 << 16)) as client:
        sent = 0
        for _ in range(100):
            client.send(block)
            sent += len(block)
        while not last:
            message = client.recv(timeout=15)
            assert isinstance(message, str)
            if "OmegaObservation" in message:
                last = message
            else:
                told.append(json.loads(message))
    assert all(each["AppInfo"]["NumBytes"] <= sent for each in told)
    assert seen_in(last).octets == sent


def test_an_echo_is_what_was_said(port: int) -> None:
    with opened(port, "/omega/v1/echo", ECHO, token()) as client:
        for number in range(50):
            client.send(str(number))
            assert client.recv(timeout=5) == str(number)


@pytest.mark.parametrize(
    ("path", "protocol", "access", "status"),
    [
        pytest.param("/ndt/v7/download", NDT7, None, 403, id="no token"),
        pytest.param("/ndt/v7/download", NDT7, "abc", 403, id="no token of ours"),
        pytest.param("/ndt/v7/download", "chat", "abc", 400, id="another subprotocol"),
        pytest.param("/metrics", NDT7, "abc", 404, id="another path"),
    ],
)
def test_who_may_not_is_told_why(
    port: int, path: str, protocol: str, access: str | None, status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        opened(port, path, protocol, access)
    assert refused.value.response.status_code == status


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"address": "192.0.2.1"}, id="another address"),
        pytest.param({"test_point": "tp-2"}, id="another test point"),
        pytest.param({"not_before_unix_us": 0, "not_after_unix_us": 1}, id="over"),
    ],
)
def test_a_token_for_something_else_is_refused(port: int, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        opened(port, "/ndt/v7/download", NDT7, token(**changes))
    assert refused.value.response.status_code == 403


def test_a_token_has_so_many_runs(port: int) -> None:
    access = token()
    for _ in range(12):
        with opened(port, "/omega/v1/echo", ECHO, access) as client:
            client.send("x")
            assert client.recv(timeout=5) == "x"
    with pytest.raises(InvalidStatus):
        opened(port, "/omega/v1/echo", ECHO, access)


def test_no_address_takes_all_the_room(port: int) -> None:
    held = [opened(port, "/omega/v1/echo", ECHO, token()) for _ in range(8)]
    try:
        with pytest.raises((InvalidStatus, ConnectionClosed, OSError)):
            opened(port, "/omega/v1/echo", ECHO, token())
    finally:
        for client in held:
            client.close()
    deadline = time.monotonic() + 10
    while True:
        try:
            with opened(port, "/omega/v1/echo", ECHO, token()):
                break
        except (InvalidStatus, OSError):
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x16\x03\x01" + b"\0" * 100, id="TLS"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 9_000, id="a long head"),
        pytest.param(os.urandom(300) + b"\r\n\r\n", id="garbage"),
    ],
)
def test_garbage_ends_its_own_connection_only(port: int, octets: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), 5) as raw:
        raw.sendall(octets)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(4_096):
            pass
    test_an_echo_is_what_was_said(port)
