"""Addresses: which one a connection came from, and the proof that an agent can be reached there.

    agent --- GET /v1/address, over IPv4 and over IPv6 ---> server
    agent <-- token: who asked, at which of our addresses, until when; MAC --- server
    agent --- SessionRequest with its tokens, within two minutes ---> server

A token is stateless: any process that has the server's key can check it. So a grant names only
addresses whose owner has received something there, and the test point, which sends nothing to any
other address, can't be pointed at a stranger.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass

from omega_core.canonical import NotPlainJsonError, canonical_bytes, parse_plain
from omega_core.keys import NotAKeyError, SigningKey, from_base64url, to_base64url
from omega_core.limits import ADDRESS_PROOF_LIFE_S
from omega_core.units import US_PER_S
from omega_server.refusals import Code, RefusalError

_LABEL = b"omega-address-proof/v1"  # no envelope begins like this, so nobody gets it signed
_IPV6_SITE_BITS = 64  # one customer has at least this much; a smaller unit would be no limit


@dataclass(frozen=True, slots=True)
class Proved:
    """An address of the agent, and the address of ours at which it was seen."""

    address: str
    server_address: str


def plain(address: str) -> str:
    """Return an address in its usual form: an IPv4 one as such, no zone.

    Raises ValueError for what is not an address.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)


def is_public(address: str) -> bool:
    """Say whether what is sent to this address may cross the Internet."""
    return ipaddress.ip_address(address).is_global


def quota_prefix(address: str) -> str:
    """Return what self-tests are counted by: an IPv4 address, an IPv6 customer's network."""
    parsed = ipaddress.ip_address(address)
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, _IPV6_SITE_BITS), strict=False))


class AddressProofs:
    """Makes and checks the tokens, with a secret that follows from the server's key.

    An Ed25519 signature is a function of key and message (RFC 8032), so every process with the key
    has the same secret, and nobody without it has.
    """

    def __init__(self, key: SigningKey) -> None:
        self._secret = hashlib.sha256(key.sign(_LABEL)).digest()

    def token(self, proved: Proved, now_unix_us: int) -> str:
        """Return the token for an address that was seen now."""
        expires = now_unix_us + ADDRESS_PROOF_LIFE_S * US_PER_S
        body = canonical_bytes([proved.address, proved.server_address, expires])
        return f"{to_base64url(body)}.{to_base64url(self._mac(body))}"

    def check(self, token: str, now_unix_us: int) -> Proved:
        """Return what a token proves; raises RefusalError `address_not_proved` and nothing else."""
        body = self._authentic(token)
        try:
            address, server_address, expires = parse_plain(body)
        except (NotPlainJsonError, ValueError, TypeError) as error:
            raise RefusalError(
                Code.ADDRESS_NOT_PROVED, "the address token can't be read"
            ) from error
        if now_unix_us > expires:
            raise RefusalError(Code.ADDRESS_NOT_PROVED, "the address token is too old")
        return Proved(address, server_address)

    def _authentic(self, token: str) -> bytes:
        body_text, _, mac_text = token.partition(".")
        try:
            body, mac = from_base64url(body_text), from_base64url(mac_text)
        except (NotAKeyError, UnicodeError) as error:
            raise RefusalError(
                Code.ADDRESS_NOT_PROVED, "the address token can't be read"
            ) from error
        if not hmac.compare_digest(mac, self._mac(body)):
            raise RefusalError(Code.ADDRESS_NOT_PROVED, "the address token is not this server's")
        return body

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._secret, body, hashlib.sha256)
