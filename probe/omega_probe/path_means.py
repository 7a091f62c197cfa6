"""Which packets this host lets the probe send in one family, and the channels for them."""

from __future__ import annotations

import itertools

from omega_core.facts import Family
from omega_core.path import NotObserved, Unobserved
from omega_probe.path_raw import NoScapyError, RawIcmpChannel, RawTcpChannel
from omega_probe.path_sockets import IcmpChannel, ProbeChannel, UdpChannel


class Means:
    """Opens channels in one family, from one address of the host.

    `token` makes the packets ours; each raw ICMP channel has an id of its own, counted up from it.
    """

    def __init__(self, family: Family, source: str, token: bytes) -> None:
        self.family: Family = family
        self._source = source
        self._token = token
        self._identities = itertools.count(int.from_bytes(token[:2], "big"))
        self.why_no_icmp: Unobserved | None = None
        """The reason for which `icmp` gave no channel, None as long as it did."""

    @property
    def has_icmp(self) -> bool:
        """Whether echo requests may be sent, as far as anybody has tried."""
        return self.why_no_icmp is None

    def udp(self, address: str, port: int) -> ProbeChannel:
        """Return a channel that every user may open."""
        return UdpChannel(self.family, address, port, self._token)

    def icmp(self, address: str) -> ProbeChannel | Unobserved:
        """Return a channel for echo requests, or why there is none."""
        try:
            return IcmpChannel(self.family, address, self._token)
        except OSError:
            pass  # the host gives no such socket to this user
        try:
            return RawIcmpChannel(
                self.family, self._source, address, self._token, identity=self._identity()
            )
        except (OSError, NoScapyError) as error:
            self.why_no_icmp = _refused(error, "icmp")
            return self.why_no_icmp

    def tcp(self, address: str, port: int) -> ProbeChannel | Unobserved:
        """Return a channel for SYN packets, or why there is none."""
        try:
            return RawTcpChannel(self.family, self._source, address, port)
        except (OSError, NoScapyError) as error:
            return _refused(error, "tcp")

    def _identity(self) -> int:
        return next(self._identities) % (1 << 16)


def scoped(address: str, interface: str) -> str:
    """Return an address with its interface if it means something on that link only."""
    return f"{address}%{interface}" if address.lower().startswith("fe80:") else address


def _refused(error: Exception, what: str) -> Unobserved:
    match error:
        case NoScapyError():
            detail = f"{what}: the extra `path` is not installed"
            return Unobserved(not_observed=NotObserved.NO_SUPPORT, detail=detail)
        case PermissionError():
            return Unobserved(not_observed=NotObserved.NO_PRIVILEGE, detail=what)
        case _:
            return Unobserved(not_observed=NotObserved.NO_SUPPORT, detail=f"{what}: {error}")
