"""What a key was worth at a moment, from everything that happened to it.

    issued           replaced          replaced + 7 days         revoked
      |--- active -----|--- active --------|--- superseded ---------|--- revoked --->
                                  invalid_since
                                      |--- compromised ----------------------------->

| moment | state | a record that enters then | a record that entered then |
| --- | --- | --- | --- |
| no such key; earlier than it was issued | `unknown` | refused | key not trusted |
| from its issue; until 7 days after it was replaced | `active` | taken | trusted |
| later than that | `superseded` | refused | key not trusted |
| revoked | `revoked` | refused | key not trusted |
| from `invalid_since` on, revoked or not | `compromised` | refused | key not trusted |

The lowest row that fits is the answer. Moments are the server's, in microseconds since 1970: what
the receipt calls `received_unix_us`. Nothing that entered before `invalid_since` loses anything by
a revocation, so a device that is lost does not spoil the records of the years before.

Two things can't be derived from events that two keys would both win: a key that two others follow,
and a key that follows two. Both are refused, whoever signed them: a thief who holds the old key
could otherwise write a line of his own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from omega_core.key_events import KeyRevocation, KeyRotation
from omega_core.keys import PublicKey
from omega_core.limits import KEY_CHAIN_MAX, KEY_EARLY_S, KEY_OVERLAP_S
from omega_core.units import US_PER_S

OVERLAP_US = KEY_OVERLAP_S * US_PER_S
_EARLY_US = KEY_EARLY_S * US_PER_S


class KeyState(StrEnum):
    """What a key was at a moment; see the module."""

    ACTIVE = "active"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"
    COMPROMISED = "compromised"
    UNKNOWN = "unknown"


class KeyHistoryError(ValueError):
    """The events contradict each other, or are too many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLife:
    """The moments of one key that count; None for what never happened, or is not known.

    `issued_unix_us` is None for a key that somebody pinned without being told since when it is.
    """

    issued_unix_us: int | None = None
    replaced_unix_us: int | None = None
    revoked_unix_us: int | None = None
    invalid_since_unix_us: int | None = None


def state_at(life: KeyLife | None, at_unix_us: int) -> KeyState:
    """Return what the key was at a moment of the server's; see the module's table."""
    if life is None:
        return KeyState.UNKNOWN
    if _reached(life.invalid_since_unix_us, at_unix_us):
        return KeyState.COMPROMISED
    if _reached(life.revoked_unix_us, at_unix_us):
        return KeyState.REVOKED
    if life.replaced_unix_us is not None and at_unix_us > life.replaced_unix_us + OVERLAP_US:
        return KeyState.SUPERSEDED
    if life.issued_unix_us is not None and at_unix_us < life.issued_unix_us - _EARLY_US:
        return KeyState.UNKNOWN
    return KeyState.ACTIVE


def state_without_moment(life: KeyLife | None) -> KeyState:
    """Return what to think of a key whose signature nobody can date: any revocation counts."""
    if life is None:
        return KeyState.UNKNOWN
    if life.invalid_since_unix_us is not None:
        return KeyState.COMPROMISED
    return KeyState.ACTIVE if life.revoked_unix_us is None else KeyState.REVOKED


def with_revocations(life: KeyLife, revocations: Iterable[KeyRevocation]) -> KeyLife:
    """Return the life with its revocations; of several the earliest moments count."""
    for each in revocations:
        life = replace(
            life,
            revoked_unix_us=_earlier(life.revoked_unix_us, each.revoked_unix_us),
            invalid_since_unix_us=_earlier(life.invalid_since_unix_us, each.invalid_since_unix_us),
        )
    return life


def in_line(rotations: Sequence[KeyRotation]) -> None:
    """Raise KeyHistoryError unless at most one key follows each, and each follows at most one."""
    if len(rotations) > KEY_CHAIN_MAX:
        raise KeyHistoryError(f"{len(rotations)} rotations, {KEY_CHAIN_MAX} at most")
    if len({each.old_kid for each in rotations}) != len(rotations):
        raise KeyHistoryError("two keys follow the same one")
    if len({each.kid for each in rotations}) != len(rotations):
        raise KeyHistoryError("one key follows two others")


def line_of(kid: str, rotations: Sequence[KeyRotation]) -> tuple[KeyRotation, ...]:
    """Return the rotations that hang together with a key, oldest first, whatever their order.

    Raises KeyHistoryError for a fork, a ring, and more than `KEY_CHAIN_MAX` rotations.
    """
    in_line(rotations)
    followed_by: Mapping[str, KeyRotation] = {each.old_kid: each for each in rotations}
    brought_by: Mapping[str, KeyRotation] = {each.kid: each for each in rotations}
    earlier: list[KeyRotation] = []
    step = brought_by.get(kid)
    while step is not None:
        earlier.insert(0, step)
        if step.old_kid == kid:
            raise KeyHistoryError("the keys follow each other in a ring")
        step = brought_by.get(step.old_kid)
    later: list[KeyRotation] = []
    step = followed_by.get(kid)
    while step is not None:
        later.append(step)
        step = followed_by.get(step.kid)
    return (*earlier, *later)


def lives_in(line: Sequence[KeyRotation]) -> dict[str, KeyLife]:
    """Return the life of every key of a line that `line_of` gave, by key id."""
    lives: dict[str, KeyLife] = {}
    for each in line:
        issued = lives[each.old_kid].issued_unix_us if each.old_kid in lives else None
        lives[each.old_kid] = KeyLife(issued_unix_us=issued, replaced_unix_us=each.rotated_unix_us)
        lives[each.kid] = KeyLife(issued_unix_us=each.rotated_unix_us)
    return lives


def keys_in(line: Sequence[KeyRotation]) -> dict[str, PublicKey]:
    """Return every key of a line by its id; the line was opened, so they are keys."""
    texts = {each.old_kid: each.old_key for each in line} | {each.kid: each.key for each in line}
    return {kid: PublicKey.from_text(text) for kid, text in texts.items()}


def newest_after(pinned: PublicKey, rotations: Sequence[KeyRotation]) -> PublicKey:
    """Return the key that a server has now, for one who pinned `pinned`; raises KeyHistoryError.

    Only what follows the pinned key is believed; the key itself where nothing does.
    """
    line = line_of(pinned.kid, rotations)
    return keys_in(line)[line[-1].kid] if line else pinned


def _earlier(one_unix_us: int | None, other_unix_us: int | None) -> int | None:
    """Return the earlier of two moments, of which each may never have come."""
    come = [each for each in (one_unix_us, other_unix_us) if each is not None]
    return min(come, default=None)


def _reached(moment_unix_us: int | None, at_unix_us: int) -> bool:
    return moment_unix_us is not None and at_unix_us >= moment_unix_us
