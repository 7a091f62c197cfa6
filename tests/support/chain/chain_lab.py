"""The chain as its users see it: `with ChainLab(case) as lab:`.

Theory of operation. A namespace for each node, joined by veth pairs; routers are the kernel's own
forwarding, so each hop says "time exceeded" as a real one does. The far ends of the emulated links
(`lines.emulated_links`) lie in one more namespace, where one process carries their frames.

The chain is built healthy and then broken: `inject` puts the case's fault in, `mend` takes it away.
Entering does the former unless told not to, because a device is enrolled, and its first record
accepted, on a line that works.

    loss, delay, rate, MTU hole         the emulated link's own model
    down silently, one way              the emulated link is cut, both ways or one
    down and told                       the nearer router's interface goes down, and its routes; at
                                        home the box's, so that the device has no carrier
    names                               the server's or the box's forwarder behaves
    wedged, overloaded                  the box's sysctl, or its packet filter

However the owner of a chain ends, its descriptors close; so the process that carries frames kills
what is left on the nodes and ends, and the kernel takes the namespaces away.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from lab import privilege
from lab.emulation import Carried, EmulatedLink, LinkTruth, PumpProcess
from lab.errors import LabUnavailableError
from lab.host import HOSTS_FILE, RESOLV_CONF, Machine, Namespace
from lab.kernel import switch_offloads_off
from lab.spec import LinkSpec
from lab.topology import quieten, run_ip
from support.chain.cases import (
    BOX,
    FAR,
    TEST_POINT,
    ChainCase,
    Fault,
    Kind,
    Manner,
    Speech,
    Ways,
)
from support.chain.firewall import MEND, apply_rules, fault_rules, rules_of
from support.chain.layout import (
    BOX_LAN_V4,
    DEVICE,
    FAR_V4,
    FAR_V6,
    NODES,
    ROUTERS,
    SERVER_NAME,
    TEST_POINT_V4,
    TEST_POINT_V6,
    Segment,
    address_lines,
    hosts_file,
    mac,
    resolv_conf,
    route_lines,
    segments,
)
from support.chain.lines import emulated_links, with_fault
from support.chain.names import NameForwarder, NameServer

_FORWARDING: Final = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")
_PROMPT: Final = ("net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit")
_ICMP_SOCKETS: Final = "net.ipv4.ping_group_range"
_INDEX_NEAR, _INDEX_FAR, _INDEX_BETWEEN = 100, 200, 300  # see lab.topology: never equal at two ends


class ChainLab:
    """A line of a case, for as long as the `with` block lasts. Raises LabUnavailableError."""

    def __init__(self, case: ChainCase, *, broken: bool = True) -> None:
        self.case = case
        self.segments: Mapping[str, Segment] = {each.name: each for each in segments(case)}
        self.nodes: dict[str, Machine] = {}
        self.links: dict[str, EmulatedLink] = {}
        self._healthy = emulated_links(case)
        self._broken = broken
        self._stack = ExitStack()

    @property
    def device(self) -> Machine:
        """Where the customer's device is: `lab.device.run([...])`, `user=65534` for nobody."""
        return self.nodes[DEVICE]

    @property
    def test_point(self) -> Machine:
        """Where the server runs."""
        return self.nodes[TEST_POINT]

    def __enter__(self) -> Self:
        reason = privilege.available()
        if reason is not None:
            raise LabUnavailableError(reason)
        with self._stack as stack:
            self._build(stack)
            if self._broken:
                self.inject()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def inject(self) -> None:
        """Break the line as the case says; nothing happens in a healthy one."""
        fault = self.case.fault
        if fault is None:
            return
        if fault.kind is Kind.NAMES:
            server = self._forwarder if fault.place == BOX else self._server
            server.behave(fault.manner)
        elif fault.place == BOX:
            self._spoil_box(fault)
        elif fault.kind is Kind.DOWN and fault.manner is Manner.TOLD:
            node, interface = self._unplugged(fault)
            run_ip(node, [f"link set {interface} down"])
        elif fault.kind in {Kind.DOWN, Kind.ONE_WAY}:
            self._cut(fault)
        else:
            self._set(fault.place, with_fault(self._healthy[fault.place], fault, self.case.access))

    def mend(self) -> None:
        """Make the line whole again."""
        fault = self.case.fault
        if fault is None:
            return
        for server in (self._server, self._forwarder):
            server.behave(None)
        for name, link in self.links.items():
            link.mend()
            self._set(name, self._healthy[name])
        apply_rules(self.nodes[BOX], MEND)
        self._forward(self.nodes[BOX], "1")
        if fault.kind is Kind.DOWN and fault.manner is Manner.TOLD:
            node, interface = self._unplugged(fault)
            run_ip(node, [f"link set {interface} up"])
            self._configure(self._unplugged_at(fault))

    def truth(self) -> dict[str, LinkTruth]:
        """Return what each emulated link has done to packets so far."""
        return {name: link.truth() for name, link in self.links.items()}

    def namespaces(self) -> set[int]:
        """Return the numbers of all namespaces of the chain."""
        return {each.inode() for each in (*self.nodes.values(), self._between)}

    def _build(self, stack: ExitStack) -> None:
        carrier = stack.enter_context(PumpProcess())
        self._between = Namespace()
        stack.callback(self._between.close)
        quieten(self._between)
        for name in NODES:
            files = {HOSTS_FILE: hosts_file(self.case), RESOLV_CONF: resolv_conf(self.case, name)}
            self.nodes[name] = node = Machine(files)
            stack.callback(node.close)
            quieten(node)
        stack.callback(self._end_programs)
        for number, segment in enumerate(self.segments.values()):
            self._join(number, segment)
        for name in NODES:
            self._configure(name)
            self._set_up(name)
        self._start(carrier)
        self._serve_names(stack)

    def _end_programs(self) -> None:
        for node in self.nodes.values():
            node.end_programs()

    def _join(self, number: int, segment: Segment) -> None:
        """Lay a link: one veth pair, or two with the far ends where frames are carried."""
        ends = [
            (segment.near, _INDEX_NEAR + number, mac(segment, segment.near, number)),
            (segment.far, _INDEX_FAR + number, mac(segment, segment.far, number)),
        ]
        if segment.name not in self._healthy:
            (near, near_index, near_mac), (far, far_index, far_mac) = ends
            into = self.nodes[far]
            line = (
                f"link add {segment.interface(near)} index {near_index} address {near_mac}"
                f" type veth peer name {segment.interface(far)} index {far_index}"
                f" address {far_mac} netns /proc/self/fd/{into.net}"
            )
            run_ip(self.nodes[near], [line], pass_fds=[into.net])
            return
        for side, (name, index, own_mac) in enumerate(ends):
            port = _port(segment, name)
            line = (
                f"link add {segment.interface(name)} index {index} address {own_mac}"
                f" type veth peer name {port} index {_INDEX_BETWEEN + 2 * number + side}"
                f" netns /proc/self/fd/{self._between.net}"
            )
            run_ip(self.nodes[name], [line], pass_fds=[self._between.net])
            run_ip(
                self._between, [f"link set {port} addrgenmode none", f"link set {port} up arp off"]
            )

    def _configure(self, name: str) -> None:
        """Give a node its addresses and routes; again after an interface was down."""
        own = [each for each in self.segments.values() if name in {each.near, each.far}]
        lines = ["link set lo up"]
        lines += [f"link set {each.interface(name)} up" for each in own]
        for each in own:
            lines += address_lines(each, name, self.case)
        run_ip(self.nodes[name], lines + route_lines(name, self.case))

    def _set_up(self, name: str) -> None:
        """Make of a node what it is: a router or a host, and how it speaks."""
        node = self.nodes[name]
        if name in ROUTERS:
            self._forward(node, "1")
        if self.case.speech.get(name) is Speech.PROMPT:
            for variable in _PROMPT:
                node.sysctl(variable, "0")
        if name == DEVICE:
            node.sysctl(_ICMP_SOCKETS, "0 2147483647")  # as distributions have it
        apply_rules(node, rules_of(name, self.case))
        with node.entered():
            for each in self.segments.values():
                if name in {each.near, each.far} and each.name in self._healthy:
                    switch_offloads_off(each.interface(name))

    def _forward(self, node: Machine, value: str) -> None:
        for variable in _FORWARDING:
            node.sysctl(variable, value)

    def _start(self, carrier: PumpProcess) -> None:
        directions = []
        for name, spec in self._healthy.items():
            near, far = (_port(self.segments[name], end) for end in self._ends(name))
            directions.append(Carried(spec=spec.down, source=far, sink=near))
            directions.append(Carried(spec=spec.up, source=near, sink=far))
        namespaces = [self._between.net, *(node.net for node in self.nodes.values())]
        carrier.start(directions, namespaces)
        for number, name in enumerate(self._healthy):
            self.links[name] = EmulatedLink(
                down=carrier.direction(2 * number), up=carrier.direction(2 * number + 1)
            )

    def _ends(self, name: str) -> tuple[str, str]:
        return self.segments[name].near, self.segments[name].far

    def _serve_names(self, stack: ExitStack) -> None:
        known = {SERVER_NAME: (TEST_POINT_V4, TEST_POINT_V6)}
        far, box = self.nodes[FAR], self.nodes[BOX]
        self._server = stack.enter_context(NameServer(far, (FAR_V4, FAR_V6), known))
        self._forwarder = stack.enter_context(NameForwarder(box, (BOX_LAN_V4,), FAR_V4))

    def _set(self, name: str, spec: LinkSpec) -> None:
        for direction, wanted in (
            (self.links[name].down, spec.down),
            (self.links[name].up, spec.up),
        ):
            direction.set(**{field: getattr(wanted, field) for field in _SETTABLE})

    def _cut(self, fault: Fault) -> None:
        link = self.links[fault.place]
        if fault.ways is not Ways.UP:
            link.down.cut()
        if fault.ways is not Ways.DOWN:
            link.up.cut()

    def _unplugged_at(self, fault: Fault) -> str:
        segment = self.segments[fault.place]
        return segment.far if segment.near == DEVICE else segment.near

    def _unplugged(self, fault: Fault) -> tuple[Machine, str]:
        name = self._unplugged_at(fault)
        return self.nodes[name], self.segments[fault.place].interface(name)

    def _spoil_box(self, fault: Fault) -> None:
        box = self.nodes[BOX]
        if fault.manner is Manner.NO_FORWARDING:
            self._forward(box, "0")
        apply_rules(box, fault_rules(fault))


_SETTABLE: Final = (
    "rate_bps",
    "delay_us",
    "jitter_us",
    "loss_ppm",
    "buffer_ms",
    "swallow_above_bytes",
)


def _port(segment: Segment, node: str) -> str:
    """Return what the far end of a node's interface is called in the links' own namespace."""
    return f"{segment.name}-{'near' if node == segment.near else 'far'}"
