"""Passwords and PINs as argon2id hashes (RFC 9106), tokens as digests.

The parameters are the second recommended choice of RFC 9106 section 4 (3 passes over 64 MiB), with one
lane, for a server of two cores answers several people: some 60 ms a login, and the same for a name
that is not known. A hash made with less is made anew at the next login.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from omega_server.refusals import Code, RefusalError

PASSWORD_CHARS_MIN: Final = 10
PASSWORD_CHARS_MAX: Final = 200  # longer ones are hashed no better, and cost time
PIN_DIGITS_MIN: Final = 6
PIN_DIGITS_MAX: Final = 12
_TOKEN_OCTETS: Final = 32
_HASHER: Final = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=1)


def password_hash(password: str) -> str:
    """Return what is kept of a password; raises RefusalError `schema_invalid`."""
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        raise RefusalError(
            Code.SCHEMA_INVALID,
            f"a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters",
        )
    return _HASHER.hash(password)


def pin_hash(pin: str) -> str:
    """Return what is kept of a PIN; raises RefusalError `schema_invalid`."""
    is_number = pin.isascii() and pin.isdigit()
    if not is_number or not PIN_DIGITS_MIN <= len(pin) <= PIN_DIGITS_MAX:
        raise RefusalError(
            Code.SCHEMA_INVALID, f"a PIN has {PIN_DIGITS_MIN} to {PIN_DIGITS_MAX} digits"
        )
    if len(set(pin)) == 1:
        raise RefusalError(Code.SCHEMA_INVALID, "a PIN is not the same digit again and again")
    return _HASHER.hash(pin)


def is_right(kept: str | None, said: str) -> bool:
    """Say whether a secret is the one that was hashed; as slow where nothing is kept."""
    try:
        return _HASHER.verify(kept or _nobodys(), said[:PASSWORD_CHARS_MAX]) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_old(kept: str) -> bool:
    """Say whether a hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


def new_token() -> str:
    """Return a token that nobody guesses."""
    return secrets.token_urlsafe(_TOKEN_OCTETS)


def token_digest(token: str) -> str:
    """Return what is kept of a token: it is random, so a plain digest will do."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


_NOBODY: list[str] = []


def _nobodys() -> str:
    """Return the hash of a password that nobody has, made once."""
    if not _NOBODY:
        _NOBODY.append(_HASHER.hash(secrets.token_urlsafe(_TOKEN_OCTETS)))
    return _NOBODY[0]
