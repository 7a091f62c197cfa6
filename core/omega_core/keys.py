"""Ed25519 keys and their ids.

A key id is the RFC 7638 thumbprint of the public key as a JWK (RFC 8037): a hint by which to find a
key, never a reason to trust it. The mathematics is the `cryptography` library's; its file formats
(those of ssh among them, over a megabyte) are loaded only where a key is kept in a file.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PUBLIC_KEY_OCTETS = 32
SIGNATURE_OCTETS = 64


class NotAKeyError(ValueError):
    """The text or octets are not an Ed25519 key."""


@dataclass(frozen=True)
class PublicKey:
    """The 32 octets of an Ed25519 public key."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != PUBLIC_KEY_OCTETS:
            raise NotAKeyError(f"a public key has {PUBLIC_KEY_OCTETS} octets")

    @cached_property
    def kid(self) -> str:
        """The RFC 7638 thumbprint: base64url SHA-256 of the JWK's required members."""
        jwk = f'{{"crv":"Ed25519","kty":"OKP","x":"{self.text}"}}'
        return to_base64url(hashlib.sha256(jwk.encode("ascii")).digest())

    @property
    def text(self) -> str:
        """The octets as base64url without padding: `x` of the JWK, 43 characters."""
        return to_base64url(self.octets)

    @classmethod
    def from_text(cls, text: str) -> PublicKey:
        """Return the key written as `text`; raises NotAKeyError."""
        return cls(from_base64url(text))

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Say whether this key signed exactly this message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.octets).verify(signature, message)
        except (InvalidSignature, ValueError):  # the second: not a point of the curve
            return False
        return True


class SigningKey:
    """A private Ed25519 key; it never shows its octets but to the key file."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = PublicKey(private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> SigningKey:
        """Make a new key from the system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_octets(cls, octets: bytes) -> SigningKey:
        """Return the key with this 32-octet secret (RFC 8032); raises NotAKeyError."""
        if len(octets) != PUBLIC_KEY_OCTETS:
            raise NotAKeyError("a private key has 32 octets")
        return cls(Ed25519PrivateKey.from_private_bytes(octets))

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningKey:
        """Return the key of a PKCS #8 file (RFC 8410); raises NotAKeyError for anything else."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - see the module

        try:
            private = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise NotAKeyError("not a private key in PEM form") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise NotAKeyError("a private key, but not an Ed25519 one")
        return cls(private)

    def to_pem(self) -> bytes:
        """Return the key as PKCS #8 PEM (RFC 8410), unencrypted: the file's mode protects it."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - see the module

        return self._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def sign(self, message: bytes) -> bytes:
        """Return the 64-octet signature of the message."""
        return self._private.sign(message)


def to_base64url(octets: bytes) -> str:
    """Return base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Return the octets; raises NotAKeyError unless encoding them gives the same text again."""
    try:
        octets = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise NotAKeyError("not base64url") from error
    if to_base64url(octets) != text:
        raise NotAKeyError("not base64url in its one form")
    return octets
