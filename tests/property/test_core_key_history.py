"""What a key is worth, against a second way to say it, and over time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from omega_core.key_history import (
    OVERLAP_US,
    KeyLife,
    KeyState,
    line_of,
    state_at,
    state_without_moment,
)
from omega_core.limits import KEY_EARLY_S
from omega_core.units import US_PER_S
from support.builders import key_of
from support.key_lines import line

EARLY_US = KEY_EARLY_S * US_PER_S
MOMENTS = st.integers(0, 4 * OVERLAP_US)
LIVES = st.builds(
    KeyLife,
    issued_unix_us=st.none() | MOMENTS,
    replaced_unix_us=st.none() | MOMENTS,
    revoked_unix_us=st.none() | MOMENTS,
    invalid_since_unix_us=st.none() | MOMENTS,
)
KEYS = [key_of(f"property {number}") for number in range(9)]
OUT_OF_USE = {KeyState.SUPERSEDED, KeyState.REVOKED, KeyState.COMPROMISED}


def by_the_table(life: KeyLife, at: int) -> KeyState:
    """Read the table of the module from its last row up."""
    rows = [
        (life.invalid_since_unix_us, KeyState.COMPROMISED),
        (life.revoked_unix_us, KeyState.REVOKED),
        (
            None if life.replaced_unix_us is None else life.replaced_unix_us + OVERLAP_US + 1,
            KeyState.SUPERSEDED,
        ),
        (max(0, (life.issued_unix_us or 0) - EARLY_US), KeyState.ACTIVE),
    ]
    reached = [state for since, state in rows if since is not None and since <= at]
    return reached[0] if reached else KeyState.UNKNOWN


@given(LIVES, MOMENTS)
def test_the_function_is_the_table(life: KeyLife, at: int) -> None:
    assert state_at(life, at) is by_the_table(life, at)


@given(LIVES, MOMENTS, MOMENTS)
def test_what_is_out_of_use_never_comes_back(life: KeyLife, one: int, other: int) -> None:
    earlier, later = sorted((one, other))
    if state_at(life, earlier) in OUT_OF_USE:
        assert state_at(life, later) in OUT_OF_USE


@given(LIVES, MOMENTS)
def test_who_knows_no_moment_trusts_no_more_than_who_knows_one(life: KeyLife, at: int) -> None:
    """But for a key that was followed: that it is too old only a moment can say."""
    doubted = {KeyState.REVOKED, KeyState.COMPROMISED}
    if state_at(life, at) in doubted:
        assert state_without_moment(life) in doubted


@given(st.permutations(range(len(KEYS) - 1)), st.integers(0, len(KEYS) - 1))
def test_a_line_is_the_same_in_whatever_order_it_comes(order: list[int], place: int) -> None:
    rotations = line(*KEYS)
    shuffled = [rotations[number] for number in order]
    assert line_of(KEYS[place].public.kid, shuffled) == tuple(rotations)
