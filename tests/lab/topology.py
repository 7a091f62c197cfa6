"""The lab as its users see it: `with Lab(links.named("adsl")) as lab:`.

Theory of operation. Three namespaces: the customer's host, the server's host, and between them one
that holds the far ends of the two veth pairs and nothing else. A pump per direction carries the
frames between these far ends, and delays, limits or loses them.

    customer            the link's namespace             server
    +--------+  veth  +----------+   up   +--------+  veth  +--------+
    |  eth0  |--------| customer |--pump->| server |--------|  eth0  |
    |        |        |          |<-pump--|        |        |        |
    +--------+        +----------+  down  +--------+        +--------+

Whatever ends the owner of a `Lab`, its descriptors close; so the pumps kill what is left on the
hosts and end, and the kernel takes the namespaces away. An orderly end differs only in that the
programs are asked first.
"""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

from lab import privilege
from lab.addresses import CUSTOMER, INTERFACE, SERVER
from lab.emulation import Carried, EmulatedLink, PumpProcess
from lab.errors import LabError, LabUnavailableError
from lab.host import Host, Namespace
from lab.kernel import switch_offloads_off
from lab.spec import LinkSpec

_IP_TIMEOUT_S = 10
# Not the index of the far end (2 or 3, in its own namespace): the kernel would take the interface
# for a physical one and let up to a second pass before it calls it up, and IPv6 waits for that
_INDEX = 10
_QUIET_IPV6 = {  # the hosts' own chatter would take part in every measurement
    "net.ipv6.conf.default.accept_dad": "0",
    "net.ipv6.conf.default.accept_ra": "0",
    "net.ipv6.conf.default.router_solicitations": "0",
}


class Lab:
    """Two hosts and a link between them, for as long as the `with` block lasts.

    With `static_neighbours` the hosts know each other's Ethernet address from the start, as a
    router on an access line does; without, they ask by ARP and ND across the link. Entering
    raises LabUnavailableError where namespaces are not to be had.
    """

    def __init__(self, spec: LinkSpec | None = None, *, static_neighbours: bool = True) -> None:
        self.spec = LinkSpec() if spec is None else spec
        self._static_neighbours = static_neighbours
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        reason = privilege.available()
        if reason is not None:
            raise LabUnavailableError(reason)
        with self._stack as stack:
            self._build(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _build(self, stack: ExitStack) -> None:
        down, up = (stack.enter_context(PumpProcess()) for _ in range(2))
        between = self._bring_up(stack)
        namespaces = [between.net, self.customer.net, self.server.net]
        for pump, spec, source, sink in (
            (down, self.spec.down, SERVER.name, CUSTOMER.name),
            (up, self.spec.up, CUSTOMER.name, SERVER.name),
        ):
            pump.start([Carried(spec=spec, source=source, sink=sink)], namespaces)
        self.link = EmulatedLink(down=down.direction(), up=up.direction())

    def _bring_up(self, stack: ExitStack) -> Namespace:
        """Make both hosts; return the namespace that holds the far ends, named after them."""
        between = Namespace()
        stack.callback(between.close)
        self.server = Host(SERVER, CUSTOMER)
        stack.callback(self.server.close)
        self.customer = Host(CUSTOMER, SERVER)
        stack.callback(self.customer.close)
        stack.callback(self.server.end_programs)
        stack.callback(self.customer.end_programs)
        quieten(between)
        for host in (self.server, self.customer):
            _plug_in(host, between, self.spec.mtu_bytes)
            self._configure(host)
        return between

    def _configure(self, host: Host) -> None:
        own, peer = host.own, host.peer
        lines = [
            "link set lo up",
            f"address add {own.v4} dev {INTERFACE}",
            f"address add {own.v6} dev {INTERFACE} nodad",
            f"link set {INTERFACE} up",
        ]
        if self._static_neighbours:
            lines += [
                f"neighbour add {address} lladdr {peer.mac} dev {INTERFACE} nud permanent"
                for address in (peer.v4.ip, peer.v6.ip)
            ]
        if own is CUSTOMER:
            lines += [
                f"route add default via {peer.v4.ip} dev {INTERFACE}",
                f"route add ::/0 via {peer.v6.ip} dev {INTERFACE}",
            ]
        run_ip(host, lines)
        with host.entered():
            switch_offloads_off(INTERFACE)


def quieten(namespace: Namespace) -> None:
    """Keep a namespace's interfaces from saying anything of their own in IPv6."""
    for name, value in _QUIET_IPV6.items():
        with suppress(OSError):  # no IPv6, or /proc/sys is read-only: then there is some chatter
            namespace.sysctl(name, value)


def _plug_in(host: Host, between: Namespace, mtu_bytes: int) -> None:
    """Give a host its eth0; the far end is named after the host."""
    quieten(host)
    run_ip(
        host,
        [
            f"link add {INTERFACE} index {_INDEX} mtu {mtu_bytes} address {host.own.mac}"
            f" type veth peer name {host.own.name} mtu {mtu_bytes}"
            f" netns /proc/self/fd/{between.net}",
        ],
        pass_fds=[between.net],
    )
    run_ip(
        between,
        [
            f"link set {host.own.name} addrgenmode none",
            f"link set {host.own.name} up arp off",
        ],
    )


def run_ip(namespace: Namespace, lines: list[str], pass_fds: list[int] | None = None) -> None:
    """Run `ip` commands in a namespace. Raises LabError with what `ip` said."""
    _run_batch("ip", namespace, lines, pass_fds or [])


def run_tc(namespace: Namespace, lines: list[str]) -> None:
    """Run `tc` commands in a namespace. Raises LabError with what `tc` said."""
    _run_batch("tc", namespace, lines, [])


def _run_batch(name: str, namespace: Namespace, lines: list[str], pass_fds: list[int]) -> None:
    program = shutil.which(name)
    if program is None:
        raise LabUnavailableError(privilege.IP_MISSING)
    with namespace.entered():
        child = subprocess.Popen(
            [program, "-batch", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            text=True,
        )
    said, _ = child.communicate("\n".join(lines) + "\n", timeout=_IP_TIMEOUT_S)
    if child.returncode != 0:
        raise LabError(f"{name} (iproute2) refused to build the lab: {said.strip()}")
