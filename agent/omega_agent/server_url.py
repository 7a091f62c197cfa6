"""The server's address as somebody typed it, taken apart once and checked.

Plain http is for a loopback or private address: anywhere else what is sent could be read and
changed on the way, and only `--insecure` says that this is meant.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from omega_agent.errors import WrongUseError

_DEFAULT_PORT = {"http": 80, "https": 443}
_TEXT_MAX = 256  # what a record has room for


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """Where a server is. `path` is what its API stands below: empty, or `/something`."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORT[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def parse_server_url(text: str) -> ServerUrl:
    """Return the address in `text`, such as http://192.0.2.7:8080; raises WrongUseError."""
    if not text.isprintable() or " " in text or len(text) > _TEXT_MAX:
        raise WrongUseError("url_form", url=ascii(text[:80]))
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise WrongUseError("url_form", url=text) from None
    scheme = parts.scheme.lower()
    if scheme not in {"http", "https"} or not host or port == 0 or _has_more(parts):
        raise WrongUseError("url_form", url=text)
    return ServerUrl(
        scheme="https" if scheme == "https" else "http",
        host=host,
        port=port or _DEFAULT_PORT[scheme],
        path=parts.path.rstrip("/"),
    )


def _has_more(parts: SplitResult) -> bool:
    """Say whether there is something that an address of a server has no use for."""
    return bool(parts.query or parts.fragment or parts.username or parts.password)


def literal_address(host: str) -> str | None:
    """Return the host when it is an IP address, None when it is a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def all_near(addresses: Iterable[str]) -> bool:
    """Say whether every address is a loopback, link-local or private one: fit for plain http."""
    return all(_is_near(ipaddress.ip_address(each.partition("%")[0])) for each in addresses)


def _is_near(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    seen = mapped or address
    return seen.is_loopback or seen.is_link_local or seen.is_private
