"""The host on a prepared tree, and its traffic over the phases of a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from omega_core.environment import Interface, Medium
from omega_core.evidence import Family
from omega_core.units import NS_PER_S
from omega_core.verdict import Fault
from omega_probe.environment import Host, link_header_octets
from omega_probe.host_watch import NOTES_MAX, HostWatch
from omega_probe.medium import LinkFacts
from omega_probe.own_traffic import OwnTrafficMeter
from omega_probe.validity import Allowance, Carried, OwnTraffic
from support.clock import HandClock

CARD = LinkFacts(
    name="eth0",
    ifindex=2,
    hardware_type=1,
    mac="02:00:5e:00:00:02",
    driver="e1000e",
    wireless=False,
    mtu_bytes=1_500,
    link_rate_bps=1_000_000_000,
    duplex="full",
)
BRIDGE = CARD._replace(
    name="br0",
    ifindex=4,
    mac="02:00:5e:00:00:04",
    driver="bridge",
    duplex=None,
    link_rate_bps=None,
)
RADIO = CARD._replace(name="wlan0", ifindex=3, mac="02:00:5e:00:00:03", driver="iwlwifi")


@dataclass
class PreparedLinks:
    """A network namespace that a test has written down."""

    links: Mapping[str, LinkFacts]
    route: str | None

    def all(self) -> Mapping[str, LinkFacts]:
        return self.links

    def towards(self, address: str, family: Family) -> str | None:  # noqa: ARG002 - one route only
        return self.route


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_sys(root: Path, *links: LinkFacts) -> None:
    for link in links:
        write(root, f"sys/class/net/{link.name}/ifindex", f"{link.ifindex}\n")
        write(root, f"sys/class/net/{link.name}/address", f"{link.mac}\n")


def write_counters(
    root: Path, *, rx: int, tx: int, rx_packets: int = 0, tx_packets: int = 0
) -> None:
    line = f"  eth0: {rx} {rx_packets} 0 1 0 0 0 0 {tx} {tx_packets} 2 0 0 0 0 0\n"
    write(root, "proc/net/dev", line)


def host(root: Path, *links: LinkFacts, route: str | None) -> Host:
    return Host(root=root, links=PreparedLinks({link.name: link for link in links}, route))


def test_a_card_is_told_as_its_driver_tells_it(tmp_path: Path) -> None:
    write_sys(tmp_path, CARD)
    assert host(tmp_path, CARD, route="eth0").interface_towards("192.0.2.1", 4) == Interface(
        name="eth0",
        medium=Medium.ETHERNET,
        link_rate_bps=1_000_000_000,
        duplex="full",
        mtu_bytes=1_500,
    )


def test_a_bridge_over_wifi_is_wifi_and_takes_rate_and_duplex_from_below(tmp_path: Path) -> None:
    write_sys(tmp_path, BRIDGE, RADIO)
    write(tmp_path, "sys/class/net/br0/brif/wlan0/state", "3")
    write(tmp_path, "sys/class/net/wlan0/phy80211/name", "phy0")
    interface = host(tmp_path, BRIDGE, RADIO, route="br0").interface_towards("192.0.2.1", 4)
    assert interface is not None
    assert (interface.medium, interface.lower) == (Medium.WIFI, ("wlan0",))
    assert (interface.link_rate_bps, interface.duplex) == (1_000_000_000, "full")


def test_the_sys_tree_of_another_namespace_adds_nothing(tmp_path: Path) -> None:
    write_sys(tmp_path, CARD._replace(mac="02:00:5e:00:00:99"))
    write(tmp_path, "sys/class/net/eth0/phy80211/name", "phy0")
    write(tmp_path, "sys/class/net/eth0/carrier_changes", "7")
    write_counters(tmp_path, rx=0, tx=0)
    looked_at = host(tmp_path, CARD, route="eth0")
    interface = looked_at.interface_towards("192.0.2.1", 4)
    assert interface is not None
    assert interface.medium is Medium.ETHERNET
    counts = looked_at.counts("eth0", offset_us=0)
    assert counts is not None
    assert counts.carrier_changes is None


@pytest.mark.parametrize("route", [None, "gone0"])
def test_without_a_route_there_is_no_interface(tmp_path: Path, route: str | None) -> None:
    assert host(tmp_path, CARD, route=route).interface_towards("192.0.2.1", 4) is None


@pytest.mark.parametrize(
    ("medium", "octets"),
    [
        (Medium.ETHERNET, 14),
        (Medium.WIFI, 14),
        (Medium.LOOPBACK, 14),
        (Medium.PPP, 0),
        (Medium.TUNNEL, 0),
    ],
)
def test_what_a_counter_adds_to_each_packet(medium: Medium, octets: int) -> None:
    interface = Interface(
        name="if0", medium=medium, link_rate_bps=None, duplex=None, mtu_bytes=None
    )
    assert link_header_octets(interface) == octets


class Watching:
    """A watch over a prepared host, whose counters the test moves."""

    def __init__(self, root: Path, medium: Medium = Medium.ETHERNET) -> None:
        self.clock = HandClock()
        self.meter = OwnTrafficMeter()
        self.root = root
        write_sys(root, CARD)
        write(root, "sys/class/net/eth0/carrier_changes", "3")
        write(root, "proc/stat", "cpu0 0 0 0 0 0 0 0 0\n")
        self.carry(rx=1_000, tx=2_000)
        looked_at = host(root, CARD, route="eth0")
        interface = looked_at.interface_towards("192.0.2.1", 4)
        assert interface is not None
        self.watch = HostWatch(
            looked_at,
            replace(interface, medium=medium),
            self.meter,
            self.clock,
            self.clock.monotonic_ns(),
        )

    def carry(self, *, rx: int, tx: int, packets: int = 0) -> None:
        write_counters(self.root, rx=rx, tx=tx, rx_packets=packets, tx_packets=packets)


def test_a_phase_is_weighed_by_what_was_not_the_probes_own(tmp_path: Path) -> None:
    made = Watching(tmp_path)
    made.watch.begin("goodput_down")
    made.meter.add(OwnTraffic(rx=Carried(90_000, 3_000, 70)))
    made.clock.pass_ns(NS_PER_S)
    made.carry(rx=1_000 + 93_000 + 70 * 14 + 500, tx=2_000, packets=95)
    check = made.watch.end(Allowance(rx_bps=8 * 500, tx_bps=8))
    assert check is not None
    assert check.rx_octets - check.own_rx_octets == 500
    assert not check.exceeded
    assert not made.watch.faults()

    made.watch.begin("idle")
    made.clock.pass_ns(NS_PER_S)
    made.carry(rx=1_000 + 93_000 + 70 * 14 + 500 + 501, tx=2_000, packets=115)
    check = made.watch.end(Allowance(rx_bps=8 * 500, tx_bps=8))
    assert check is not None
    assert check.exceeded
    assert made.watch.faults() == (Fault.CROSS_TRAFFIC,)


def test_what_arrives_after_the_last_mark_is_nobodys(tmp_path: Path) -> None:
    made = Watching(tmp_path)
    made.watch.begin("goodput_down")
    made.clock.pass_ns(NS_PER_S)
    made.meter.add(OwnTraffic(rx=Carried(50_000, 0, 40)))
    made.carry(rx=1_000 + 50_000 + 40 * 14, tx=2_000, packets=40)
    made.watch.mark()
    own, duration_us = made.watch.so_far()
    assert (own.rx.payload_octets, duration_us) == (50_000, 1_000_000)
    made.clock.pass_ns(NS_PER_S // 2 - 1_000)
    made.watch.mark()
    assert made.watch.so_far()[1] == 1_000_000, "half a second has not passed: no new reading"
    made.carry(rx=900_000, tx=2_000, packets=700)
    check = made.watch.end(Allowance(rx_bps=8, tx_bps=8))
    assert check is not None
    assert not check.exceeded
    assert check.rx_octets == 50_000 + 40 * 14
    tail = made.watch.tail.rx
    assert tail.ip_octets == 900_000 - (1_000 + 50_000 + 40 * 14) - 660 * 14
    assert tail.packets == 660


def test_a_phase_without_marks_has_no_tail(tmp_path: Path) -> None:
    made = Watching(tmp_path)
    made.watch.begin("idle")
    made.carry(rx=90_000, tx=2_000, packets=70)
    made.watch.end(None)
    assert made.watch.tail == OwnTraffic()


def test_on_loopback_traffic_is_told_and_not_judged(tmp_path: Path) -> None:
    made = Watching(tmp_path, Medium.LOOPBACK)
    made.watch.begin("precheck")
    made.carry(rx=10**9, tx=10**9)
    check = made.watch.end(Allowance(rx_bps=1, tx_bps=1))
    assert check is not None
    assert (check.exceeded, check.allowed_rx_octets) == (False, None)
    assert not made.watch.judges_traffic


def test_everything_stands_in_the_environment(tmp_path: Path) -> None:
    made = Watching(tmp_path)
    made.watch.begin("precheck")
    made.clock.pass_ns(2 * NS_PER_S)
    write(tmp_path, "proc/stat", "cpu0 50 0 0 150 0 0 0 0\n")
    made.watch.end(None)
    assert made.watch.note("link_rate_unknown")
    assert not made.watch.note("link_rate_unknown")
    environment = made.watch.environment()
    assert [counts.offset_us for counts in environment.counts] == [0, 2_000_000]
    assert {counts.carrier_changes for counts in environment.counts} == {3}
    assert environment.counts[0].rx_dropped == 1
    assert environment.counts[0].tx_errors == 2
    assert [(load.phase, load.busy_ppm) for load in environment.cpu] == [("precheck", 250_000)]
    assert [check.phase for check in environment.traffic] == ["precheck"]
    assert environment.notes == ("link_rate_unknown",)
    assert environment.default_route is None


def test_notes_are_bounded(tmp_path: Path) -> None:
    made = Watching(tmp_path)
    for number in range(NOTES_MAX + 3):
        made.watch.note(f"note_{number}")
    assert len(made.watch.environment().notes) == NOTES_MAX


def test_an_interface_that_goes_away_is_no_traffic(tmp_path: Path) -> None:
    made = Watching(tmp_path)
    made.watch.begin("idle")
    write(tmp_path, "proc/net/dev", "")
    assert made.watch.end(Allowance(1, 1)) is None
    assert made.watch.environment().traffic == ()
