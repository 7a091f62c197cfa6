"""What kind of link an interface is, from the host's answers and a prepared /sys tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_core.environment import Medium
from omega_probe.medium import (
    LOWER_MAX,
    LinkFacts,
    SysFacts,
    SysTree,
    lower_links,
    medium_of,
    medium_through,
)

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


def write_tree(root: Path, name: str, **files: str) -> None:
    """Put an interface into a /sys tree; a slash in a file's name is written as two underscores."""
    for path, text in files.items():
        file = root / "sys" / "class" / "net" / name / path.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")


@pytest.mark.parametrize(
    ("link", "sys", "medium"),
    [
        pytest.param({}, {}, Medium.ETHERNET, id="a card"),
        pytest.param({"driver": "veth"}, {}, Medium.ETHERNET, id="a veth of the lab"),
        pytest.param({"driver": None}, {}, Medium.ETHERNET, id="a card whose driver is silent"),
        pytest.param({"hardware_type": 772}, {}, Medium.LOOPBACK, id="loopback"),
        pytest.param({"hardware_type": 512}, {}, Medium.PPP, id="PPP on the CPE"),
        pytest.param({"wireless": True}, {}, Medium.WIFI, id="answers wireless questions"),
        pytest.param({}, {"wireless": True}, Medium.WIFI, id="wireless/ or phy80211 in /sys"),
        pytest.param({}, {"devtype": "wlan"}, Medium.WIFI, id="DEVTYPE=wlan"),
        pytest.param({"hardware_type": 803}, {}, Medium.WIFI, id="monitor mode"),
        pytest.param({"hardware_type": 65_534, "driver": "tun"}, {}, Medium.TUNNEL, id="tun"),
        pytest.param({"driver": "tun"}, {}, Medium.TUNNEL, id="tap: Ethernet frames in a tunnel"),
        pytest.param({}, {"tun": True}, Medium.TUNNEL, id="tun_flags in /sys"),
        pytest.param(
            {"hardware_type": 65_534, "driver": "wireguard"}, {}, Medium.TUNNEL, id="WireGuard"
        ),
        pytest.param(
            {"hardware_type": 65_534, "driver": None}, {}, Medium.TUNNEL, id="no link layer at all"
        ),
        pytest.param({}, {"devtype": "wireguard"}, Medium.TUNNEL, id="DEVTYPE=wireguard"),
        pytest.param({"hardware_type": 768}, {}, Medium.TUNNEL, id="ipip"),
        pytest.param({"hardware_type": 769}, {}, Medium.TUNNEL, id="IPv6 in a tunnel"),
        pytest.param({"hardware_type": 776}, {}, Medium.TUNNEL, id="sit"),
        pytest.param({"hardware_type": 778}, {}, Medium.TUNNEL, id="gre"),
        pytest.param({"driver": "vxlan"}, {}, Medium.TUNNEL, id="vxlan"),
        pytest.param(
            {"hardware_type": 65_534, "driver": "qmi_wwan"},
            {"devtype": "wwan"},
            Medium.OTHER,
            id="a modem without Ethernet framing is no tunnel",
        ),
        pytest.param({"hardware_type": None}, {}, Medium.OTHER, id="nothing known"),
        pytest.param({"hardware_type": 32}, {}, Medium.OTHER, id="InfiniBand"),
    ],
)
def test_the_medium_of_an_interface(
    link: dict[str, object], sys: dict[str, object], medium: Medium
) -> None:
    assert medium_of(CARD._replace(**link), SysFacts(**sys)) is medium  # type: ignore[arg-type] # fields by name


@pytest.mark.parametrize(
    ("own", "lower", "medium"),
    [
        pytest.param(Medium.ETHERNET, [], Medium.ETHERNET, id="nothing below"),
        pytest.param(Medium.ETHERNET, [Medium.ETHERNET], Medium.ETHERNET, id="a VLAN on a card"),
        pytest.param(
            Medium.ETHERNET, [Medium.ETHERNET, Medium.WIFI], Medium.WIFI, id="a bridge over Wi-Fi"
        ),
        pytest.param(Medium.ETHERNET, [Medium.TUNNEL], Medium.TUNNEL, id="a bridge over a tap"),
        pytest.param(Medium.TUNNEL, [Medium.ETHERNET], Medium.TUNNEL, id="a tunnel over a card"),
        pytest.param(Medium.PPP, [Medium.ETHERNET], Medium.PPP, id="PPPoE over a card"),
    ],
)
def test_what_lies_below_can_spoil_a_medium(
    own: Medium, lower: list[Medium], medium: Medium
) -> None:
    assert medium_through(own, lower) is medium


def test_a_tree_tells_what_it_has(tmp_path: Path) -> None:
    write_tree(tmp_path, "wlan0", ifindex="3", uevent="DEVTYPE=wlan\nINTERFACE=wlan0")
    write_tree(tmp_path, "wlan0", phy80211__name="phy0", carrier_changes="7")
    write_tree(tmp_path, "br0", ifindex="4", brif__wlan0__state="3", lower_eth0__mtu="1500")
    write_tree(tmp_path, "bond0", ifindex="5", bonding__slaves="eth1 eth2")
    write_tree(tmp_path, "tun0", ifindex="6", tun_flags="0x1001")
    tree = SysTree(tmp_path)
    assert tree.facts("wlan0") == SysFacts(devtype="wlan", wireless=True, carrier_changes=7)
    assert tree.facts("br0").lower == ("eth0", "wlan0")
    assert tree.facts("bond0").lower == ("eth1", "eth2")
    assert tree.facts("tun0").tun
    assert tree.facts("nothing") == SysFacts()


@pytest.mark.parametrize(
    ("links", "shown"),
    [
        pytest.param([CARD], True, id="the same interface"),
        pytest.param([CARD._replace(mac=None)], True, id="no address to compare"),
        pytest.param([CARD._replace(mac="02:00:5E:00:00:02")], True, id="address in capitals"),
        pytest.param([CARD._replace(mac="02:00:5e:00:00:03")], False, id="another address"),
        pytest.param([CARD._replace(ifindex=3)], False, id="another number"),
        pytest.param([CARD._replace(name="eth1")], False, id="another name"),
        pytest.param([CARD, CARD._replace(name="lo", ifindex=1)], False, id="one more here"),
        pytest.param([], False, id="one more there"),
    ],
)
def test_the_tree_of_another_namespace_is_not_believed(
    tmp_path: Path, links: list[LinkFacts], *, shown: bool
) -> None:
    write_tree(tmp_path, "eth0", ifindex="2", address="02:00:5e:00:00:02")
    (tmp_path / "sys/class/net/bonding_masters").write_text("")  # a file that is no interface
    assert SysTree(tmp_path).shows(links) is shown


def test_no_tree_is_not_believed(tmp_path: Path) -> None:
    assert not SysTree(tmp_path).shows([])


def test_lower_interfaces_are_followed_down_to_the_hardware() -> None:
    tree = {
        "br0": SysFacts(lower=("bond0", "wlan0")),
        "bond0": SysFacts(lower=("eth0", "eth1")),
        "eth0": SysFacts(lower=("br0",)),  # a circle, which no kernel makes
    }
    assert lower_links("br0", tree) == ("bond0", "wlan0", "eth0", "eth1")


def test_lower_interfaces_are_bounded() -> None:
    tree = {"br0": SysFacts(lower=tuple(f"port{n}" for n in range(LOWER_MAX + 5)))}
    assert len(lower_links("br0", tree)) == LOWER_MAX
