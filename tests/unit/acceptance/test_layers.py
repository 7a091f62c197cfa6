"""Conversion between rate layers: the published factors, and exactness to one bit per second."""

from __future__ import annotations

from fractions import Fraction

import pytest

from omega_acceptance.layers import Encapsulation, Layer, PacketForm, least_bps, ratio
from omega_core.evidence import Family

PLAIN = PacketForm(mtu_bytes=1_500, encapsulation=Encapsulation.UNTAGGED)
TAGGED = PacketForm(mtu_bytes=1_500, encapsulation=Encapsulation.ONE_VLAN)
BARE = PacketForm(mtu_bytes=1_500, encapsulation=Encapsulation.UNTAGGED, timestamps=False)
SIX = PacketForm(mtu_bytes=1_500, family=6)
DSL = PacketForm(mtu_bytes=1_492, encapsulation=Encapsulation.PPPOE_LLC)


@pytest.mark.parametrize(
    ("form", "of", "into", "octets", "rounded"),
    [
        pytest.param(PLAIN, Layer.ETHERNET, Layer.IP, (1_500, 1_538), "0.975293", id="eth to IP"),
        pytest.param(TAGGED, Layer.ETHERNET, Layer.IP, (1_500, 1_542), "0.972763", id="one tag"),
        pytest.param(BARE, Layer.ETHERNET, Layer.TCP, (1_460, 1_538), "0.949285", id="no options"),
        pytest.param(PLAIN, Layer.ETHERNET, Layer.TCP, (1_448, 1_538), "0.941482", id="options"),
        pytest.param(PLAIN, Layer.IP, Layer.TCP, (1_448, 1_500), "0.965333", id="IPv4 to TCP"),
        pytest.param(SIX, Layer.IP, Layer.TCP, (1_428, 1_500), "0.952000", id="IPv6 to TCP"),
        pytest.param(PLAIN, Layer.IP, Layer.UDP, (1_472, 1_500), "0.981333", id="IPv4 to UDP"),
        pytest.param(SIX, Layer.IP, Layer.UDP, (1_452, 1_500), "0.968000", id="IPv6 to UDP"),
        pytest.param(DSL, Layer.ATM, Layer.IP, (1_492, 1_696), "0.879717", id="ATM to IP"),
        pytest.param(DSL, Layer.ATM, Layer.TCP, (1_440, 1_696), "0.849057", id="ATM to TCP"),
        pytest.param(DSL, Layer.ATM, Layer.ATM, (1, 1), "1.000000", id="ATM stays"),
    ],
)
def test_published_factor(
    form: PacketForm, of: Layer, into: Layer, octets: tuple[int, int], rounded: str
) -> None:
    found = ratio(form, of=of, into=into)
    assert found == Fraction(*octets)
    assert f"{float(found):.6f}" == rounded


def test_synchronisation_of_8_mbit_is_what_the_table_says() -> None:
    sync = 8_000_000
    assert f"{float(sync * ratio(DSL, of=Layer.ATM, into=Layer.IP)) / 1_000:.3f}" == "7037.736"
    assert f"{float(sync * ratio(DSL, of=Layer.ATM, into=Layer.TCP)) / 1_000:.3f}" == "6792.453"


@pytest.mark.parametrize(
    ("mtu_bytes", "cells"),
    [
        pytest.param(1_496, 32, id="32 cells exactly full"),
        pytest.param(1_497, 33, id="one octet into the next cell"),
        pytest.param(1_492, 32, id="the last cell padded"),
    ],
)
def test_cells_are_whole(mtu_bytes: int, cells: int) -> None:
    form = PacketForm(mtu_bytes=mtu_bytes, encapsulation=Encapsulation.PPPOE_LLC)
    assert form.octets(Layer.ATM) == 53 * cells


@pytest.mark.parametrize(
    ("promise", "family", "expected"),
    [
        pytest.param(Fraction(1_500), 4, 1_448, id="a whole number stays exact"),
        pytest.param(Fraction(1_501), 4, 1_449, id="a part of a bit is a bit more to keep"),
        pytest.param(Fraction(1_500), 6, 1_428, id="IPv6 carries less payload"),
        pytest.param(Fraction(1_500) + Fraction(1, 10**9), 4, 1_449, id="a shade above"),
    ],
)
def test_least_rate_that_keeps_a_promise(promise: Fraction, family: Family, expected: int) -> None:
    form = PacketForm(mtu_bytes=1_500, family=family)
    assert least_bps(promise, form, promised=Layer.IP, measured=Layer.TCP) == expected


def test_a_promise_in_payload_is_more_at_the_ip_layer() -> None:
    assert least_bps(Fraction(1_448), PLAIN, promised=Layer.TCP, measured=Layer.IP) == 1_500
