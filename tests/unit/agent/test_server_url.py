from __future__ import annotations

import pytest

from omega_agent.errors import WrongUseError
from omega_agent.server_url import ServerUrl, all_near, parse_server_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "http://127.0.0.1:8600", ServerUrl("http", "127.0.0.1", 8600, ""), id="address and port"
        ),
        pytest.param(
            "https://omega.example",
            ServerUrl("https", "omega.example", 443, ""),
            id="port of https",
        ),
        pytest.param(
            "http://omega.lan/", ServerUrl("http", "omega.lan", 80, ""), id="port of http"
        ),
        pytest.param("http://[::1]:81", ServerUrl("http", "::1", 81, ""), id="IPv6 in brackets"),
        pytest.param(
            "HTTPS://Omega.Example/api/",
            ServerUrl("https", "omega.example", 443, "/api"),
            id="capitals and a path",
        ),
    ],
)
def test_reads_an_address(text: str, expected: ServerUrl) -> None:
    assert parse_server_url(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8600",
        "https://omega.example",
        "https://omega.example:8443/api",
        "http://[fd00::1]:81",
    ],
)
def test_what_it_writes_reads_the_same(text: str) -> None:
    assert str(parse_server_url(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("omega.example", id="no scheme"),
        pytest.param("127.0.0.1:8600", id="address without a scheme"),
        pytest.param("ftp://omega.example", id="another scheme"),
        pytest.param("http://", id="no host"),
        pytest.param("http://:8600", id="port alone"),
        pytest.param("http://omega.example:0", id="port 0"),
        pytest.param("http://omega.example:65536", id="port too large"),
        pytest.param("http://omega.example:eight", id="port in letters"),
        pytest.param("http://[::1", id="bracket left open"),
        pytest.param("http://user:secret@omega.example", id="a password for all to see"),
        pytest.param("http://omega.example?x=1", id="a query"),
        pytest.param("http://omega.example#x", id="a fragment"),
        pytest.param("http://omega example", id="a space"),
        pytest.param("http://omega.example\n", id="a line end"),
        pytest.param("http://" + "o" * 300, id="longer than a record has room for"),
    ],
)
def test_refuses_what_is_no_address_of_a_server(text: str) -> None:
    with pytest.raises(WrongUseError, match="is not the address of a server"):
        parse_server_url(text)


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("10.1.2.3", True),
        ("172.16.0.1", True),
        ("172.32.0.1", False),
        ("192.168.1.1", True),
        ("169.254.9.9", True),
        ("100.64.0.1", False),
        ("8.8.8.8", False),
        ("::1", True),
        ("fd12::1", True),
        ("fe80::1%eth0", True),
        ("2a00:1450::1", False),
        ("::ffff:10.0.0.1", True),
        ("::ffff:8.8.8.8", False),
    ],
)
def test_plain_http_is_for_near_addresses(address: str, *, near: bool) -> None:
    assert all_near([address]) is near


def test_one_far_address_is_enough() -> None:
    assert not all_near(["127.0.0.1", "8.8.8.8"])
    assert all_near([])
