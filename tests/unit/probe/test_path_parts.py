"""What the path's drivers read: error queues, neighbours, radio, portals, name server files."""

from __future__ import annotations

import errno
import socket
import struct
from itertools import pairwise
from pathlib import Path

import pytest

from omega_core import limits
from omega_core.control import AddressProof
from omega_core.facts import Family
from omega_core.models import model_bytes
from omega_core.path import HopAnswer, Neighbour, PortalAnswer
from omega_core.units import NS_PER_S
from omega_probe.path_attachment import (
    NeighbourEntry,
    parse_neighbours,
    parse_wireless,
    signal_dbm,
    state_of,
)
from omega_probe.path_flow import PathBudget, Spending
from omega_probe.path_means import scoped
from omega_probe.path_names import configured_servers, parse_resolv_conf
from omega_probe.path_plan import PathTargets, targets_of
from omega_probe.path_portal import read_answer
from omega_probe.path_sockets import (
    IcmpError,
    answer_of,
    echo_bytes,
    kind_of,
    parse_error,
    reply_of,
)
from omega_probe.path_trace import ProbeAnswer

TOKEN = b"abcd"


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@pytest.mark.parametrize("family", [4, 6])
def test_every_echo_of_a_flow_has_one_checksum(family: Family) -> None:
    packets = [echo_bytes(family, number, TOKEN, 32) for number in (0, 1, 255, 256, 4_000, 65_535)]
    assert len(set(packets)) == len(packets)
    assert all(checksum(a) == checksum(b) for a, b in pairwise(packets))
    assert {len(packet) for packet in packets} == {8 + 32}


@pytest.mark.parametrize(
    ("family", "icmp_type", "code", "expected"),
    [
        (4, 11, 0, HopAnswer.TIME_EXCEEDED),
        (4, 3, 3, HopAnswer.PORT_UNREACHABLE),
        (4, 3, 4, HopAnswer.TOO_BIG),
        (4, 3, 13, HopAnswer.UNREACHABLE),
        (4, 5, 0, None),
        (6, 3, 0, HopAnswer.TIME_EXCEEDED),
        (6, 1, 4, HopAnswer.PORT_UNREACHABLE),
        (6, 2, 0, HopAnswer.TOO_BIG),
        (6, 1, 1, HopAnswer.UNREACHABLE),
        (6, 4, 0, None),
    ],
)
def test_kinds_of_icmp(
    family: Family, icmp_type: int, code: int, expected: HopAnswer | None
) -> None:
    assert kind_of(family, icmp_type, code) is expected


def extended(number: int, origin: int, icmp_type: int, code: int, info: int = 0) -> bytes:
    return struct.pack("=IBBBBII", number, origin, icmp_type, code, 0, info, 0)


def test_an_entry_of_the_error_queue_says_who_and_what() -> None:
    sender_v4 = struct.pack("=HH4s8x", socket.AF_INET, 0, bytes([10, 0, 0, 1]))
    sender_v6 = struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, bytes(15) + b"\1", 0)
    error = parse_error(extended(errno.EHOSTUNREACH, 2, 11, 0) + sender_v4, b"quoted")
    assert error == IcmpError(errno.EHOSTUNREACH, 11, 0, 0, "10.0.0.1", b"quoted", local=False)
    error = parse_error(extended(errno.EMSGSIZE, 3, 2, 0, 1_400) + sender_v6, b"")
    assert error is not None
    assert answer_of(error, 6, 7) == ProbeAnswer(7, "::1", HopAnswer.TOO_BIG, 2, 0, 1_400)
    assert parse_error(b"short", b"") is None
    nobody = parse_error(extended(errno.EMSGSIZE, 1, 0, 0, 1_300), b"")
    assert nobody is not None
    assert nobody.address is None
    assert answer_of(nobody, 4, 1) == ProbeAnswer(1, None, HopAnswer.TOO_BIG, mtu_octets=1_300)


def test_what_is_no_word_about_a_probe_is_left_out() -> None:
    local = IcmpError(errno.EHOSTUNREACH, 0, 0, 0, None, b"", local=True)
    redirect = IcmpError(0, 5, 1, 0, "10.0.0.1", b"", local=False)
    assert answer_of(local, 4, 1) is None
    assert answer_of(redirect, 4, 1) is None


def test_only_replies_to_our_echoes_count() -> None:
    reply = b"\0" + echo_bytes(4, 9, TOKEN, 16)[1:]
    assert reply_of(reply, "10.0.0.1", 4, TOKEN) == ProbeAnswer(
        9, "10.0.0.1", HopAnswer.ECHO_REPLY, 0, 0
    )
    assert reply_of(reply, "10.0.0.1", 4, b"abce") is None, "another's"
    assert reply_of(reply, "::1", 6, TOKEN) is None, "not the family's type"
    assert reply_of(reply[:13], "10.0.0.1", 4, TOKEN) is None, "cut off"


def neighbour(address: bytes, state: int, *, mac: bool = True, kind: int = 28) -> bytes:
    attributes = struct.pack("=HH", 4 + len(address), 1) + address
    attributes += struct.pack("=HH6s2x", 10, 2, bytes(6)) if mac else b""
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    message = struct.pack("=BxxxiHBB", family, 3, state, 0, 1) + attributes
    return struct.pack("=IHHII", 16 + len(message), kind, 2, 1, 0) + message


DONE = struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)


def test_neighbours_are_read_until_the_kernel_is_done() -> None:
    first, second = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
    data = neighbour(first, 2) + neighbour(second, 0x20, mac=False)
    entries, is_last = parse_neighbours(data, 4)
    assert entries == [
        NeighbourEntry("10.0.0.1", 3, 2, has_link_address=True),
        NeighbourEntry("10.0.0.2", 3, 0x20, has_link_address=False),
    ]
    assert not is_last
    assert parse_neighbours(DONE + data, 4) == ([], True)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(neighbour(bytes(16), 2), id="of the other family"),
        pytest.param(neighbour(bytes(4), 2, kind=24), id="a route"),
        pytest.param(struct.pack("=IHHII", 18, 28, 2, 1, 0) + b"ab", id="cut off"),
        pytest.param(struct.pack("=IHHII", 3, 28, 2, 1, 0), id="a length that can't be"),
    ],
)
def test_strange_words_of_the_kernel_give_no_neighbour(data: bytes) -> None:
    assert parse_neighbours(data, 4)[0] == []


@pytest.mark.parametrize(
    ("state", "has_link_address", "expected"),
    [
        (0x02, True, Neighbour.ANSWERED),
        (0x04, True, Neighbour.ANSWERED),
        (0x80, True, Neighbour.ANSWERED),
        (0x01, False, Neighbour.SILENT),
        (0x20, False, Neighbour.SILENT),
        (0x40, False, Neighbour.NOT_NEEDED),
        (0x00, False, Neighbour.UNKNOWN),
    ],
)
def test_states_of_a_neighbour(state: int, has_link_address: bool, expected: Neighbour) -> None:  # noqa: FBT001 - a table
    entry = NeighbourEntry("10.0.0.1", 3, state, has_link_address=has_link_address)
    assert state_of(entry) is expected


WIRELESS = """Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlan0: 0000   54.  -56.  -256        0      0      0      0      0        0
 wlan1: 0000   54.  200.  -256        0      0      0      0      0        0
"""


def test_the_radio_signal_is_read_where_it_is_in_dbm(tmp_path: Path) -> None:
    assert parse_wireless(WIRELESS, "wlan0") == -56
    assert parse_wireless(WIRELESS, "wlan1") is None, "a driver that counts otherwise"
    assert parse_wireless(WIRELESS, "eth0") is None
    assert parse_wireless("wlan0: 0000", "wlan0") is None
    assert signal_dbm(tmp_path, "wlan0") is None


def test_name_servers_are_those_of_the_host_in_its_order(tmp_path: Path) -> None:
    text = "# nameserver 9.9.9.9\nnameserver 192.0.2.53\nsearch lan\nnameserver fe80::1%eth0\n"
    assert parse_resolv_conf(text + "nameserver\nnameserver 2001:db8::53\nnameserver x\n") == [
        "192.0.2.53",
        "2001:db8::53",
    ]
    assert configured_servers(tmp_path) == ()
    (tmp_path / "etc").mkdir()
    (tmp_path / "run/systemd/resolve").mkdir(parents=True)
    (tmp_path / "etc/resolv.conf").write_text("nameserver 127.0.0.53\n")
    upstream = "".join(f"nameserver 192.0.2.{host}\n" for host in range(10))
    (tmp_path / "run/systemd/resolve/resolv.conf").write_text(upstream)
    found = configured_servers(tmp_path)
    assert found[:2] == ("127.0.0.53", "192.0.2.0")
    assert len(found) == limits.NAME_SERVERS_MAX


PROOF = model_bytes(
    AddressProof(address="203.0.113.7", server_address="203.0.113.1", token="t" * 43)
)


@pytest.mark.parametrize(
    ("data", "answer", "location"),
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n" + PROOF,
            PortalAnswer.OMEGA,
            None,
            id="the Controller",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\n\r\n<html>Welcome</html>", PortalAnswer.OTHER, None, id="a page"
        ),
        pytest.param(
            b"HTTP/1.0 302 Found\r\nLocation: http://login.lan/?x\r\n\r\n",
            PortalAnswer.OTHER,
            "http://login.lan/?x",
            id="a redirect to a login",
        ),
        pytest.param(
            b"HTTP/1.1 301 Moved\r\nlocation: https://Omega.example/v1\r\n\r\n",
            PortalAnswer.NONE,
            "https://Omega.example/v1",
            id="a redirect to https on the same host",
        ),
        pytest.param(
            b"HTTP/1.1 511 Network Authentication Required\r\n\r\n",
            PortalAnswer.OTHER,
            None,
            id="a box that says so",
        ),
        pytest.param(
            b"HTTP/1.1 302 Found\r\nLocation: http://[\r\n\r\n",
            PortalAnswer.OTHER,
            "http://[",
            id="a place that is none",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nLocation: http://omega.example/\r\n\r\nhello",
            PortalAnswer.OTHER,
            "http://omega.example/",
            id="a page that names our place",
        ),
        pytest.param(b"SSH-2.0-box\r\n", PortalAnswer.NONE, None, id="no HTTP"),
        pytest.param(b"HTTP/1.1 2x0 OK\r\n\r\n", PortalAnswer.NONE, None, id="no status"),
    ],
)
def test_who_answered_http(data: bytes, answer: PortalAnswer, location: str | None) -> None:
    check = read_answer(data, "omega.example")
    assert (check.answer, check.location) == (answer, location)


def test_targets_are_parted_by_family() -> None:
    targets = PathTargets(
        test_point=("203.0.113.9", "2001:db8::9"), references=("192.0.2.1",), seen=("2001:db8::7",)
    )
    v4, v6 = targets_of(targets, 4), targets_of(targets, 6)
    assert (v4.test_point, v4.references, v4.seen) == ("203.0.113.9", ("192.0.2.1",), None)
    assert (v6.test_point, v6.references, v6.seen) == ("2001:db8::9", (), "2001:db8::7")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"references": ("192.0.2.1",) * 5}, id="references"),
        pytest.param({"name_servers": ("192.0.2.1",) * 7}, id="name servers"),
        pytest.param({"name": "a..b"}, id="a name that is none"),
    ],
)
def test_targets_beyond_the_limits_are_refused(fields: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match=r"at most|label"):
        PathTargets(**fields)  # type: ignore[arg-type] # that is the test


def test_an_address_of_one_link_goes_with_its_interface() -> None:
    assert scoped("fe80::1", "eth0") == "fe80::1%eth0"
    assert scoped("10.0.0.1", "eth0") == "10.0.0.1"


def test_packets_are_taken_until_there_are_none() -> None:
    spending = Spending(PathBudget(packets=2, total_ns=NS_PER_S), 5)
    assert [spending.take() for _ in range(3)] == [True, True, False]
    assert (spending.packets_sent, spending.deadline_ns) == (2, NS_PER_S + 5)
