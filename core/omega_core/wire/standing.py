"""How a standing stream is opened: UDP only, three small messages and then STAMP.

    agent                                              test point
    Hello  {grant, X25519 key, no cookie, signed}  -->   checks server's and agent's signature
                                       <-- Challenge {instance, cookie}       keeps nothing
    Hello  {the same, cookie, signed}              -->   cookie is of this address and port
                                       <-- Welcome {instance, X25519 key, SSID, signed}
    authenticated STAMP, 112 octets                <->   112 octets, a packet a second

What each step is for. The test point sends nothing to an address before a valid grant came from
it, and then a twentieth of the octets it got: a forged sender address gains nobody anything. The
cookie proves that the agent receives at the address, and costs the test point no memory. Only then
a stream is kept, with a key that both ends have made (X25519, HKDF-SHA-256) and no listener knows.
An address that changes is a new hello; so is a test point that has forgotten its streams. Its
`instance` names one start of it, so that its restart is not taken for a fault of the line. `known`
says whether packets of the stream before, from this address, would have been answered until now: so
the agent can tell what of its silence was the line's.

    octets      4      1         8          16
    Challenge | OSG1 | 2 | instance | cookie |
    octets      4      1       1           8         2      32         64
    Welcome   | OSG1 | 3 | known 0, 1 | instance | SSID | X25519 key | signature |
    octets      4      1       8        16       32        2              n       64
    Hello     | OSG1 | 1 | time us | cookie | X25519 | n, length of | grant | signature |

The agent's signature is over all octets before it. The test point's is over its own before it and
the SHA-256 of the whole hello, so that a welcome answers one hello only. No STAMP packet begins
with these four octets: its number would be over a thousand million.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from omega_core.keys import PublicKey, SigningKey

COOKIE_OCTETS = 16
NO_COOKIE = bytes(COOKIE_OCTETS)
HELLO_OCTETS_MAX = 1_232  # unfragmented in the 1280 octets that IPv6 always carries
INSTANCE_OCTETS = 8
_MAGIC = b"OSG1"
_HELLO, _CHALLENGE, _WELCOME = 1, 2, 3
_HELLO_HEAD = struct.Struct("!4sBQ16s32sH")
_CHALLENGE_ALL = struct.Struct("!4sB8s16s")
_WELCOME_HEAD = struct.Struct("!4sB?8sH32s")
_SIGNATURE_OCTETS = 64


class NotStandingError(ValueError):
    """The datagram is no message of a standing stream, or its signature does not hold."""


@dataclass(frozen=True, slots=True)
class Hello:
    """An agent asks for a stream; `octets` are the whole datagram. Nothing in it is checked."""

    sent_unix_us: int
    cookie: bytes
    exchange_key: bytes
    grant: bytes
    octets: bytes

    def is_signed_by(self, key: PublicKey) -> bool:
        """Say whether this key signed the message."""
        cut = len(self.octets) - _SIGNATURE_OCTETS
        return key.verifies(self.octets[:cut], self.octets[cut:])


@dataclass(frozen=True, slots=True)
class Challenge:
    """The test point asks for proof of the address."""

    instance: bytes
    cookie: bytes


@dataclass(frozen=True, slots=True)
class Welcome:
    """The stream is open; `is_known`: so was the one before it, from the same address."""

    instance: bytes
    ssid: int
    exchange_key: bytes
    is_known: bool = False


def is_standing(data: bytes) -> bool:
    """Say whether a datagram is meant to be a message of this kind."""
    return data.startswith(_MAGIC)


def encode_hello(
    grant: bytes, exchange_key: bytes, signer: SigningKey, *, sent_unix_us: int, cookie: bytes
) -> bytes:
    """Return the hello; raises ValueError when the grant is too large for a datagram."""
    head = _HELLO_HEAD.pack(_MAGIC, _HELLO, sent_unix_us, cookie, exchange_key, len(grant))
    octets = head + grant
    if len(octets) + _SIGNATURE_OCTETS > HELLO_OCTETS_MAX:
        raise ValueError(f"a hello has at most {HELLO_OCTETS_MAX} octets")
    return octets + signer.sign(octets)


def decode_hello(data: bytes) -> Hello:
    """Return the hello, unchecked; raises NotStandingError."""
    if len(data) < _HELLO_HEAD.size + _SIGNATURE_OCTETS or len(data) > HELLO_OCTETS_MAX:
        raise NotStandingError("no hello has this size")
    magic, kind, sent_unix_us, cookie, exchange_key, octets = _HELLO_HEAD.unpack_from(data)
    if (magic, kind) != (_MAGIC, _HELLO):
        raise NotStandingError("not a hello")
    if len(data) != _HELLO_HEAD.size + octets + _SIGNATURE_OCTETS:
        raise NotStandingError("the grant has another length than is said")
    grant = data[_HELLO_HEAD.size : _HELLO_HEAD.size + octets]
    return Hello(sent_unix_us, cookie, exchange_key, grant, data)


def encode_challenge(challenge: Challenge) -> bytes:
    """Return the challenge."""
    return _CHALLENGE_ALL.pack(_MAGIC, _CHALLENGE, challenge.instance, challenge.cookie)


def encode_welcome(welcome: Welcome, hello: bytes, signer: SigningKey) -> bytes:
    """Return the answer to one hello."""
    head = _WELCOME_HEAD.pack(
        _MAGIC,
        _WELCOME,
        welcome.is_known,
        welcome.instance,
        welcome.ssid,
        welcome.exchange_key,
    )
    return head + signer.sign(head + hashlib.sha256(hello).digest())


def decode_answer(data: bytes, hello: bytes, key: PublicKey) -> Challenge | Welcome:
    """Return what answers this hello; raises NotStandingError."""
    if len(data) == _CHALLENGE_ALL.size:
        magic, kind, instance, cookie = _CHALLENGE_ALL.unpack(data)
        if (magic, kind) == (_MAGIC, _CHALLENGE):
            return Challenge(instance, cookie)
    if len(data) == _WELCOME_HEAD.size + _SIGNATURE_OCTETS:
        magic, kind, is_known, instance, ssid, exchange_key = _WELCOME_HEAD.unpack_from(data)
        head, signature = data[: _WELCOME_HEAD.size], data[_WELCOME_HEAD.size :]
        signed = head + hashlib.sha256(hello).digest()
        if (magic, kind) == (_MAGIC, _WELCOME) and key.verifies(signed, signature):
            return Welcome(instance, ssid, exchange_key, is_known)
    raise NotStandingError("no answer to this hello")


def stream_key(mine: X25519PrivateKey, theirs: bytes, hello: bytes) -> bytes:
    """Return the key of the stream that this hello opens; raises NotStandingError.

    The extraction of HKDF-SHA-256 (RFC 5869), salted with the hello: 32 octets, as the one block
    of output that is needed.
    """
    try:
        shared = mine.exchange(X25519PublicKey.from_public_bytes(theirs))
    except ValueError as error:  # a point of small order
        raise NotStandingError("not a key to exchange with") from error
    extracted = hmac.digest(hashlib.sha256(hello).digest(), shared, hashlib.sha256)
    return hmac.digest(extracted, b"omega standing stream\x01", hashlib.sha256)
