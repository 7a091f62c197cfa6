"""Addresses in their one form, so that two spellings of one peer are the same text."""

from __future__ import annotations

import ipaddress


def normalised(address: str) -> str:
    """Return the address in its shortest form; an IPv4 peer of a dual-stack socket as IPv4.

    A zone (`%eth0`) means something on one host only and is left out. Raises ValueError for what is
    no address.
    """
    parsed = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)
