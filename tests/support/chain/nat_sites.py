"""More homes at a chain's edge: each a device behind a box that shares its address.

    with ChainLab(case) as lab, NatSites(lab, 9) as sites:
        sites.devices[0].run([...])

The case must be one with a second translation at the edge (`cgnat`): then nothing past the edge
knows these homes, and two translations lie between each device and the server. Their links are
plain veth pairs; faults are the chain's own.
"""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from lab.addresses import INTERFACE
from lab.host import HOSTS_FILE, RESOLV_CONF, Machine
from lab.topology import quieten, run_ip
from support.chain.cases import ACCESS, EDGE
from support.chain.chain_lab import ChainLab
from support.chain.firewall import apply_rules, translation
from support.chain.layout import FAR_V4, hosts_file

SITES_MAX: Final = 60
_LAN_BOX, _LAN_DEVICE = "192.168.1.1", "192.168.1.20"
_NEAR, _FAR = 400, 500  # interface numbers that differ at both ends: see lab.topology


class NatSites:
    """So many homes beside the chain's own, for as long as the `with` block lasts."""

    def __init__(self, lab: ChainLab, count: int) -> None:
        if not lab.case.cgnat or not 1 <= count <= SITES_MAX:
            raise ValueError(f"1 to {SITES_MAX} homes, at an edge that translates addresses")
        self._lab = lab
        self._count = count
        self._stack = ExitStack()
        self.devices: list[Machine] = []

    def __enter__(self) -> Self:
        with self._stack as stack:
            for number in range(1, self._count + 1):
                self._add(number, stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _add(self, number: int, stack: ExitStack) -> None:
        files = {HOSTS_FILE: hosts_file(self._lab.case), RESOLV_CONF: f"nameserver {FAR_V4}\n"}
        device, box = Machine(files), Machine(files)
        edge = self._lab.nodes[EDGE]
        for node in (device, box):
            stack.callback(node.close)
            stack.callback(node.end_programs)
            quieten(node)
        _join(device, INTERFACE, box, "lan", number)
        _join(box, ACCESS, edge, f"home{number}", number)
        net = f"100.64.{number}"
        run_ip(
            device,
            [
                "link set lo up",
                f"address add {_LAN_DEVICE}/24 dev {INTERFACE}",
                f"link set {INTERFACE} up",
                f"route add default via {_LAN_BOX}",
            ],
        )
        run_ip(
            box,
            [
                "link set lo up",
                f"address add {_LAN_BOX}/24 dev lan",
                "link set lan up",
                f"address add {net}.2/30 dev {ACCESS}",
                f"link set {ACCESS} up",
                f"route add default via {net}.1",
            ],
        )
        run_ip(edge, [f"address add {net}.1/30 dev home{number}", f"link set home{number} up"])
        box.sysctl("net.ipv4.ip_forward", "1")
        apply_rules(box, translation(ACCESS))
        self.devices.append(device)


def _join(near: Machine, near_name: str, far: Machine, far_name: str, number: int) -> None:
    line = (
        f"link add {near_name} index {_NEAR + number} type veth peer name {far_name}"
        f" index {_FAR + number} netns /proc/self/fd/{far.net}"
    )
    run_ip(near, [line], pass_fds=[far.net])
