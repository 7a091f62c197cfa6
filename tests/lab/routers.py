"""A chain of routers, made of the kernel's own forwarding: for what looks at a path hop by hop.

    device --0-- box --1-- access --2-- core --3-- server

No link has a limit or a delay; what is emulated is the path itself: hops that answer or don't, a
size that doesn't pass, a name server. Namespaces as in `lab.host`; a test looks from inside with
`chain.device.entered()`, and everything that it starts there stays there.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Final, Self

from lab import privilege
from lab.errors import LabUnavailableError
from lab.host import Namespace
from lab.topology import run_ip

NAMES: Final = ("device", "box", "access", "core", "server")
LINKS_V4: Final = ("192.168.1.{}/24", "100.64.0.{}/24", "198.51.100.{}/24", "203.0.113.{}/24")
LINKS_V6: Final = tuple(f"2001:db8:0:{link}::{{}}/64" for link in range(1, 5))
NEAR, FAR = 1, 2  # ends of a link: towards the device, and towards the server
_QUIET: Final = {
    "net.ipv6.conf.default.accept_dad": "0",
    "net.ipv6.conf.default.accept_ra": "0",
    "net.ipv6.conf.default.router_solicitations": "0",
}
_FORWARDING: Final = {"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"}


def v4(link: int, end: int) -> str:
    """Return the IPv4 address of one end of a link."""
    return LINKS_V4[link].format(end).partition("/")[0]


def v6(link: int, end: int) -> str:
    """Return the IPv6 address of one end of a link."""
    return LINKS_V6[link].format(end).partition("/")[0]


SERVER_V4, SERVER_V6 = v4(3, FAR), v6(3, FAR)
HOPS_V4 = (v4(0, FAR), v4(1, FAR), v4(2, FAR), SERVER_V4)
HOPS_V6 = (v6(0, FAR), v6(1, FAR), v6(2, FAR), SERVER_V6)


class RouterChain:
    """The chain, for as long as the `with` block lasts. Raises LabUnavailableError."""

    def __init__(self, *, families: tuple[int, ...] = (4, 6)) -> None:
        self._families = families
        self._stack = ExitStack()
        self.nodes: list[Namespace] = []

    @property
    def device(self) -> Namespace:
        """Where the customer's device is."""
        return self.nodes[0]

    @property
    def server(self) -> Namespace:
        """Where the test point would be."""
        return self.nodes[-1]

    def __enter__(self) -> Self:
        reason = privilege.available()
        if reason is not None:
            raise LabUnavailableError(reason)
        with self._stack as stack:
            for _ in NAMES:
                self.nodes.append(node := Namespace())
                stack.callback(node.close)
                for name, value in _QUIET.items():
                    with suppress(OSError):
                        node.sysctl(name, value)
                run_ip(node, ["link set lo up"])
            for link in range(len(NAMES) - 1):
                self._join(link)
            self._route()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def swallow_larger_than(self, link: int, mtu_bytes: int) -> None:
        """Let larger packets towards the server vanish on a link, and nobody say so.

        The near end believes in its own MTU, the far end drops what is above its own.
        """
        run_ip(self.nodes[link + 1], [f"link set l{link} mtu {mtu_bytes}"])

    def carry_at_most(self, link: int, mtu_bytes: int) -> None:
        """Let a router say that larger packets do not pass a link: what IP provides for."""
        run_ip(self.nodes[link], [f"link set r{link} mtu {mtu_bytes}"])
        run_ip(self.nodes[link + 1], [f"link set l{link} mtu {mtu_bytes}"])

    def silence(self, node: int) -> None:
        """Let a router forward and say nothing of its own, in IPv4."""
        run_ip(self.nodes[node], ["rule add pref 0 iif lo ipproto icmp blackhole"])

    def cut(self, link: int) -> None:
        """Take a link down, at its far end."""
        run_ip(self.nodes[link + 1], [f"link set l{link} down"])

    def _join(self, link: int) -> None:
        near, far = self.nodes[link], self.nodes[link + 1]
        # Indices far from each other, or the kernel waits a second before it calls them up
        line = (
            f"link add r{link} index {100 + link} type veth peer name l{link} index {200 + link}"
            f" netns /proc/self/fd/{far.net}"
        )
        run_ip(near, [line], pass_fds=[far.net])
        for node, name, end in ((near, f"r{link}", NEAR), (far, f"l{link}", FAR)):
            lines = []
            if 4 in self._families:
                lines.append(f"address add {LINKS_V4[link].format(end)} dev {name}")
            if 6 in self._families:
                lines.append(f"address add {LINKS_V6[link].format(end)} dev {name} nodad")
            run_ip(node, [*lines, f"link set {name} up"])

    def _route(self) -> None:
        for index, node in enumerate(self.nodes):
            if 0 < index < len(NAMES) - 1:
                for name, value in _FORWARDING.items():
                    node.sysctl(name, value)
            lines = []
            if index < len(NAMES) - 1:  # everything unknown is nearer to the server
                lines += self._routes("default", "::/0", v4(index, FAR), v6(index, FAR))
            for link in range(index - 1):  # what lies behind the neighbour on the device's side
                lines += self._routes(
                    LINKS_V4[link].format(0),
                    LINKS_V6[link].format(""),
                    v4(index - 1, NEAR),
                    v6(index - 1, NEAR),
                )
            run_ip(node, lines)

    def _routes(self, to_v4: str, to_v6: str, via_v4: str, via_v6: str) -> list[str]:
        lines = [f"route add {to_v4} via {via_v4}"] if 4 in self._families else []
        return lines + ([f"route add {to_v6} via {via_v6}"] if 6 in self._families else [])


class NameServerPeer:
    """A name server in a namespace that answers every question with one address, or a code."""

    def __init__(
        self, node: Namespace, address: str, *, rcode: int = 0, dead: bool = False
    ) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with node.entered():
            self._endpoint = socket.socket(family, socket.SOCK_DGRAM)
            self._endpoint.bind((address, 53))
        self._rcode, self._dead = rcode, dead
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._endpoint.shutdown(socket.SHUT_RDWR)
        self._endpoint.close()
        self._thread.join(2)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                data, sender = self._endpoint.recvfrom(512)
                if not data:
                    return
                if not self._dead:
                    self._endpoint.sendto(self._answer(data), sender)

    def _answer(self, question: bytes) -> bytes:
        asks_v4 = question[-4:-2] == b"\0\1"
        good = self._rcode == 0 and asks_v4
        head = question[:2] + struct.pack("!HHHHH", 0x8180 | self._rcode, 1, int(good), 0, 0)
        record = b"\xc0\x0c" + struct.pack("!HHIH4B", 1, 1, 60, 4, 203, 0, 113, 2)
        return head + question[12:] + (record if good else b"")
