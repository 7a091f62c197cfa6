"""The addresses and names inside a lab: always the same, for namespaces keep labs apart."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface

INTERFACE = "eth0"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAddresses:
    """What one host is called and how it is reached."""

    name: str
    mac: str
    v4: IPv4Interface
    v6: IPv6Interface

    @property
    def host_name(self) -> str:
        """The name under which both hosts find this one."""
        return f"{self.name}.lab"


SERVER = HostAddresses(
    name="server",
    mac="02:00:5e:00:00:01",
    v4=IPv4Interface("10.77.0.1/30"),
    v6=IPv6Interface("fd77::1/64"),
)
CUSTOMER = HostAddresses(
    name="customer",
    mac="02:00:5e:00:00:02",
    v4=IPv4Interface("10.77.0.2/30"),
    v6=IPv6Interface("fd77::2/64"),
)
HOSTS = (SERVER, CUSTOMER)


def hosts_file() -> str:
    """Return /etc/hosts as both hosts see it."""
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    lines += [f"{host.v4.ip} {host.host_name}\n{host.v6.ip} {host.host_name}" for host in HOSTS]
    return "\n".join(lines) + "\n"


def resolv_conf() -> str:
    """Return /etc/resolv.conf as both hosts see it.

    Nothing answers DNS in the lab. The server says so at once (port unreachable), so an
    unknown name fails within a round trip and not after the resolver's patience.
    """
    return f"nameserver {SERVER.v4.ip}\noptions timeout:1 attempts:1\n"
