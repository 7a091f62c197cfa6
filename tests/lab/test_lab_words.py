"""Descriptions of links, as values, as people type them, and as they travel to a pump."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import shell
from lab.frames import Numbered
from lab.link import Fate
from lab.links import LINKS, named
from lab.messages import receive_message, send_message
from lab.quantities import (
    parse_rate_bps,
    parse_share_ppm,
    parse_time_us,
    show_direction,
    show_rate,
)
from lab.spec import DirectionSpec, LinkSpec, LinkSpecError, access_link
from lab.truth import LOG_ROWS_MAX, PacketLog, PacketTruth, read_rows
from omega_core.units import PPM


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"rate_bps": 7_999}, id="a rate below the least"),
        pytest.param({"rate_bps": 0}, id="rate zero, which is an outage and not a rate"),
        pytest.param({"delay_us": -1}, id="negative delay"),
        pytest.param({"delay_us": 10_000_001}, id="delay beyond the limit"),
        pytest.param({"jitter_us": -1}, id="negative jitter"),
        pytest.param({"loss_ppm": PPM + 1}, id="more than all is lost"),
        pytest.param({"loss_burst": 0}, id="runs of no frames"),
        pytest.param({"buffer_ms": 0}, id="no buffer"),
        pytest.param({"buffer_bytes": 0}, id="a buffer of no bytes"),
        pytest.param({"outages_ms": ((5, 5),)}, id="an outage that ends as it begins"),
        pytest.param({"outages_ms": ((-1, 5),)}, id="an outage before the start"),
    ],
)
def test_impossible_directions_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(LinkSpecError):
        DirectionSpec(**fields)


def test_limits_themselves_are_allowed() -> None:
    DirectionSpec(rate_bps=8_000, delay_us=10_000_000, loss_ppm=PPM, buffer_bytes=1)
    LinkSpec(mtu_bytes=1_280)
    with pytest.raises(LinkSpecError, match="mtu_bytes is 1280 to 1500, not 1501"):
        LinkSpec(mtu_bytes=1_501)


def test_a_direction_survives_the_way_to_its_pump() -> None:
    spec = DirectionSpec(rate_bps=1_000_000, reorder=True, outages_ms=((1, 2), (3, 4)))
    assert DirectionSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_an_access_link_halves_the_round_trip_and_draws_its_losses_twice() -> None:
    link = access_link(down_bps=20_000_000, up_bps=None, rtt_us=25_001, loss_ppm=7, seed=3)
    assert (link.down.delay_us, link.up.delay_us) == (12_500, 12_501)
    assert link.rtt_us() == 25_001
    assert (link.down.rate_bps, link.up.rate_bps) == (20_000_000, None)
    assert link.down.loss_ppm == link.up.loss_ppm == 7
    assert link.down.seed != link.up.seed


class TestTable:
    def test_every_buffer_holds_a_few_frames_and_at_most_a_second(self) -> None:
        for name, link in LINKS.items():
            for way in (link.down, link.up):
                octets = way.buffer_octets()
                assert octets is None or octets >= 5 * 1_500, name
                assert way.buffer_ms <= 1_000, name

    @pytest.mark.parametrize(
        ("name", "rates_bps", "rtt_us", "jitter_us", "loss_ppm"),
        [
            ("adsl", (20_000_000, 1_000_000), 25_000, 0, 0),
            ("wimax", (4_000_000, 1_000_000), 80_000, 0, 0),
            ("wimax-jitter", (4_000_000, 1_000_000), 80_000, 20_000, 0),
            ("lossy-0.5", (10_000_000, 2_000_000), 60_000, 0, 5_000),
            ("lossy-2", (10_000_000, 2_000_000), 60_000, 0, 20_000),
            ("vdsl", (100_000_000, 30_000_000), 12_000, 0, 0),
            ("ftth", (300_000_000, 100_000_000), 4_000, 0, 0),
            ("satellite", (50_000_000, 10_000_000), 600_000, 0, 0),
            ("gigabit", (940_000_000, 500_000_000), 4_000, 0, 0),
            ("slow", (1_000_000, 1_000_000), 40_000, 0, 0),
            ("unlimited", (None, None), 0, 0, 0),
        ],
    )
    def test_says_what_other_tools_were_measured_on(
        self, name: str, rates_bps: tuple[int, int], rtt_us: int, jitter_us: int, loss_ppm: int
    ) -> None:
        link = named(name)
        assert (link.down.rate_bps, link.up.rate_bps) == rates_bps
        assert link.rtt_us() == rtt_us
        for way in (link.down, link.up):
            assert (way.jitter_us, way.loss_ppm) == (jitter_us, loss_ppm)

    def test_an_unknown_name_is_answered_with_the_known_ones(self) -> None:
        with pytest.raises(KeyError, match=r"no link is called 'dsl'.*adsl"):
            named("dsl")


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_rate_bps, "20M", 20_000_000),
        (parse_rate_bps, "1.5g", 1_500_000_000),
        (parse_rate_bps, "300k", 300_000),
        (parse_rate_bps, "9600", 9_600),
        (parse_rate_bps, "none", None),
        (parse_time_us, "25", 25_000),
        (parse_time_us, "25ms", 25_000),
        (parse_time_us, "0.8 ms", 800),
        (parse_time_us, "800us", 800),
        (parse_time_us, "1s", 1_000_000),
        (parse_share_ppm, "0.5%", 5_000),
        (parse_share_ppm, "2", 20_000),
        (parse_share_ppm, "7ppm", 7),
    ],
)
def test_quantities_are_read(
    parse: Callable[[str], int | None], text: str, value: int | None
) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_rate_bps, "20 apples"),
        (parse_rate_bps, "-1M"),
        (parse_rate_bps, ""),
        (parse_time_us, "3x"),
        (parse_time_us, "0.5us"),
        (parse_share_ppm, "0.00001%"),
        (parse_share_ppm, "1M"),
    ],
)
def test_nonsense_is_refused(parse: Callable[[str], int | None], text: str) -> None:
    with pytest.raises(LinkSpecError):
        parse(text)


def test_a_direction_is_shown_in_people_s_units() -> None:
    spec = DirectionSpec(
        rate_bps=1_500_000, delay_us=12_500, jitter_us=20_000, loss_ppm=5_000, buffer_bytes=3_000
    )
    assert show_direction(spec) == (
        "1.5 Mbit/s, 12.5 ms one way, buffer 3000 B, jitter 0..20 ms, loss 0.5 %"
    )
    assert show_direction(DirectionSpec()) == "unlimited, 0 ms one way"
    assert show_rate(100_000_000) == "100 Mbit/s"


class TestShellOptions:
    def link(self, line: str) -> LinkSpec:
        return shell.link_from(shell.parser().parse_args(line.split()))

    def test_a_name_alone_is_that_link(self) -> None:
        assert self.link("--link vdsl") == named("vdsl")

    def test_options_replace_what_they_name(self) -> None:
        link = self.link(
            "--link adsl --down 5M --up none --rtt 11ms --jitter 2 --loss 1% --buffer 50ms --seed 4"
        )
        down = replace(
            named("adsl").down,
            rate_bps=5_000_000,
            delay_us=5_500,
            jitter_us=2_000,
            loss_ppm=10_000,
            buffer_ms=50,
            seed=8,
        )
        assert link == LinkSpec(down=down, up=replace(down, rate_bps=None, seed=9))

    def test_what_follows_is_the_command(self) -> None:
        options = shell.parser().parse_args(["--link", "slow", "ping", "-c", "1", "server.lab"])
        assert options.command == ["ping", "-c", "1", "server.lab"]

    def test_an_impossible_link_is_refused(self) -> None:
        with pytest.raises(LinkSpecError, match="loss_ppm"):
            self.link("--loss 101%")


class TestMessages:
    @given(
        fields=st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()),
        raw=st.binary(max_size=1_000),
    )
    def test_arrive_as_they_were_sent(self, fields: dict[str, object], raw: bytes) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            send_message(ours, fields, raw)
            send_message(ours, {}, b"")
            assert receive_message(theirs) == (fields, raw)
            assert receive_message(theirs) == ({}, b"")

    @pytest.mark.parametrize("octets", [0, 1, 8, 9])
    def test_an_end_that_is_gone_is_no_message(self, octets: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            with ours:
                ours.send((b"\x05\0\0\0" + bytes(6))[:octets] if octets else b"")
            assert receive_message(theirs) is None


class TestPacketLog:
    PACKET = Numbered(source_port=40_000, destination_port=862, sequence=2**32 - 1)

    def test_tells_the_story_of_each_packet(self) -> None:
        log = PacketLog()
        log.note(self.PACKET, Fate.LOST, ip_bytes=72, arrived_ns=10)
        log.note(self.PACKET, Fate.DELIVERED, ip_bytes=72, arrived_ns=10, due_ns=30, departed_ns=31)
        lost, delivered = read_rows(log.take())
        assert lost == PacketTruth(
            source_port=40_000,
            destination_port=862,
            sequence=2**32 - 1,
            ip_bytes=72,
            arrived_ns=10,
            due_ns=None,
            departed_ns=None,
            fate=Fate.LOST,
        )
        assert delivered == replace(lost, due_ns=30, departed_ns=31, fate=Fate.DELIVERED)
        assert (lost.delay_ns, delivered.delay_ns) == (None, 21)

    @pytest.mark.parametrize("fate", [fate for fate in Fate if fate is not Fate.HELD])
    def test_keeps_every_fate(self, fate: Fate) -> None:
        log = PacketLog()
        log.note(self.PACKET, fate, ip_bytes=1, arrived_ns=1)
        assert [packet.fate for packet in read_rows(log.take())] == [fate]

    def test_forgets_what_it_has_told(self) -> None:
        log = PacketLog()
        log.note(self.PACKET, Fate.LOST, ip_bytes=1, arrived_ns=1)
        assert len(log.take()) > 0
        assert log.take() == b""

    def test_is_bounded_and_counts_what_did_not_fit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert LOG_ROWS_MAX >= 24_001  # the longest stream there is
        monkeypatch.setattr("lab.truth.LOG_ROWS_MAX", 2)
        log = PacketLog()
        for _ in range(5):
            log.note(self.PACKET, Fate.LOST, ip_bytes=1, arrived_ns=1)
        assert len([*read_rows(log.take())]) == 2
        assert log.unlogged == 3
