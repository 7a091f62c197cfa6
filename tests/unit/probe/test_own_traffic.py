"""What the probe itself carried, from the kernel's figures and from packet counts."""

from __future__ import annotations

import pytest

from omega_core.sockets.tcp_info import TcpInfo
from omega_probe.own_traffic import of_datagrams, of_tcp
from omega_probe.validity import Carried

TIMESTAMPS = 1
IPV4 = 20


@pytest.mark.parametrize(
    ("info", "bulk", "rx_payload"),
    [
        pytest.param(
            TcpInfo(bytes_received=14_480, data_segs_in=10, segs_in=11, rcv_mss=1_448),
            True,
            14_480,
            id="full segments in order",
        ),
        pytest.param(
            TcpInfo(bytes_received=14_480, data_segs_in=12, segs_in=12, rcv_mss=1_448),
            True,
            17_376,
            id="two of them came twice",
        ),
        pytest.param(
            TcpInfo(bytes_received=1_448, data_segs_in=500, segs_in=500, rcv_mss=1_448),
            True,
            724_000,
            id="nearly all of them wait behind a gap",
        ),
        pytest.param(
            TcpInfo(bytes_received=60, data_segs_in=500, segs_in=500, rcv_mss=536, snd_mss=1_428),
            True,
            714_000,
            id="no full segment has come in order yet: as large as ours",
        ),
        pytest.param(
            TcpInfo(bytes_received=60_000, data_segs_in=200, segs_in=220, rcv_mss=1_448),
            False,
            60_000,
            id="messages of any size",
        ),
    ],
)
def test_what_came_in_over_tcp(info: TcpInfo, rx_payload: int, *, bulk: bool) -> None:
    traffic = of_tcp(info, IPV4, bulk=bulk)
    assert traffic.rx == Carried(rx_payload, info.segs_in * 40, info.segs_in)


def test_what_went_out_over_tcp_counts_everything_once_more_that_was_sent_again() -> None:
    info = TcpInfo(options=TIMESTAMPS, bytes_sent=2_896, bytes_retrans=1_448, segs_out=9)
    assert of_tcp(info, IPV4, bulk=True).tx == Carried(2_896, 9 * 52, 9)


@pytest.mark.parametrize(("family", "ip_octets"), [(4, 72), (6, 92)])
def test_datagrams_of_a_stream(family: int, ip_octets: int) -> None:
    traffic = of_datagrams(sent=3, received=2, payload_octets=44, family=family)
    assert traffic.tx.ip_octets == 3 * ip_octets
    assert traffic.rx.ip_octets == 2 * ip_octets
    assert (traffic.tx.packets, traffic.rx.packets) == (3, 2)
