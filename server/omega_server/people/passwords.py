"""Passwords and PINs: argon2id (RFC 9106) behind one door.

A hash carries its parameters, so they can be raised any day: who logs in with a hash of less is
given a new one (`Checked.renewed`). Unknown names are checked against a hash of a secret nobody
knows, with the parameters of today, so that both answers take the same time.

Hashing takes memory and a core on purpose. `Passwords` does at most `ARGON2_AT_ONCE_MAX` at once,
and whoever would have to wait longer than `ARGON2_WAIT_S` is told that the server is busy: guessing
takes a bounded share of the machine, whatever its pace.

What people choose is taken in NFC (RFC 8265 asks for it): the same accent typed on two keyboards is
the same password. Nothing else is demanded of it but a length.
"""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from omega_core import limits
from omega_server.refusals import Code, RefusalError


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one hash takes."""

    memory_kib: int = limits.ARGON2_MEMORY_KIB
    passes: int = limits.ARGON2_PASSES
    lanes: int = limits.ARGON2_LANES


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a comparison; `renewed` is to be kept in the place of a hash of less."""

    is_right: bool
    renewed: str | None = None


WRONG = Checked(is_right=False)
FULL_COST = Cost()


class Passwords:
    """Makes hashes, and compares with them."""

    def __init__(
        self, cost: Cost = FULL_COST, *, at_once_max: int = limits.ARGON2_AT_ONCE_MAX
    ) -> None:
        self._hasher = PasswordHasher(
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            hash_len=limits.ARGON2_HASH_OCTETS,
            salt_len=limits.ARGON2_SALT_OCTETS,
            type=Type.ID,
        )
        self._places = threading.BoundedSemaphore(at_once_max)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_bytes(32))

    def hash_of(self, secret: str) -> str:
        """Return what is kept of a secret; raises RefusalError `busy`."""
        with self._one_place():
            return self._hasher.hash(_octets(secret))

    def check(self, secret: str, kept: str | None) -> Checked:
        """Compare a secret with what is kept; with None, of nobody, in the same time.

        Raises RefusalError `busy`.
        """
        if len(secret) > limits.PASSWORD_OCTETS_MAX:
            return WRONG  # longer than any that was taken, and known before anything is compared
        with self._one_place():
            nobodys = self._nobodys  # made by the first to come, whoever that is
            try:
                self._hasher.verify(nobodys if kept is None else kept, _octets(secret))
            except (VerificationError, InvalidHashError):
                return WRONG
            if kept is None:
                return WRONG
            is_of_less = self._hasher.check_needs_rehash(kept)
            renewed = self._hasher.hash(_octets(secret)) if is_of_less else None
            return Checked(is_right=True, renewed=renewed)

    @contextmanager
    def _one_place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=limits.ARGON2_WAIT_S):
            raise RefusalError(Code.BUSY, "too many log in at once")
        try:
            yield
        finally:
            self._places.release()


def check_password(password: str, *, name: str) -> None:
    """Raise RefusalError `password_unfit` for a password that can't be one's."""
    if len(unicodedata.normalize("NFC", password)) < limits.PASSWORD_CHARS_MIN:
        detail = f"a password has {limits.PASSWORD_CHARS_MIN} characters or more"
        raise RefusalError(Code.PASSWORD_UNFIT, detail)
    if len(_octets(password)) > limits.PASSWORD_OCTETS_MAX:
        detail = f"a password takes at most {limits.PASSWORD_OCTETS_MAX} octets"
        raise RefusalError(Code.PASSWORD_UNFIT, detail)
    if password.casefold() == name.casefold() or len(set(password)) == 1:
        detail = "a password is neither the name nor one character many times"
        raise RefusalError(Code.PASSWORD_UNFIT, detail)


def check_pin(pin: str) -> None:
    """Raise RefusalError `password_unfit` for a PIN that can't be one."""
    digits = pin.isascii() and pin.isdigit()
    if not digits or not limits.PIN_DIGITS_MIN <= len(pin) <= limits.PIN_DIGITS_MAX:
        detail = f"a PIN has {limits.PIN_DIGITS_MIN} to {limits.PIN_DIGITS_MAX} digits"
        raise RefusalError(Code.PASSWORD_UNFIT, detail)
    steps = {ord(one) - ord(next_one) for one, next_one in pairwise(pin)}
    if steps in ({0}, {1}, {-1}):
        detail = "a PIN is not one digit many times, nor digits in their order"
        raise RefusalError(Code.PASSWORD_UNFIT, detail)


def _octets(secret: str) -> bytes:
    # A lone surrogate can come in by a JSON escape; it is hashed like anything else.
    return unicodedata.normalize("NFC", secret).encode("utf-8", "surrogatepass")
