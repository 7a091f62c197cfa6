"""What a key was at a moment: the table of the module, its borders, and lines of keys."""

from __future__ import annotations

from itertools import permutations

import pytest

from omega_core.key_history import (
    OVERLAP_US,
    KeyHistoryError,
    KeyLife,
    KeyState,
    in_line,
    keys_in,
    line_of,
    lives_in,
    newest_after,
    state_at,
    state_without_moment,
    with_revocations,
)
from omega_core.keys import SigningKey
from omega_core.limits import KEY_CHAIN_MAX, KEY_EARLY_S, KEY_OVERLAP_S
from omega_core.units import US_PER_S
from support.builders import STRANGER_KEY, key_of
from support.clock import START_UNIX_US
from support.key_lines import DAY_US, FIRST, SECOND, THIRD, line, revocation, rotation

T = START_UNIX_US
EARLY_US = KEY_EARLY_S * US_PER_S


def test_the_overlap_is_a_week() -> None:
    assert KEY_OVERLAP_S == 604_800
    assert OVERLAP_US == 7 * DAY_US


@pytest.mark.parametrize(
    ("life", "at_unix_us", "state"),
    [
        pytest.param(None, T, "unknown", id="nobody's key"),
        pytest.param(KeyLife(), 0, "active", id="a pinned key is good from the beginning"),
        pytest.param(KeyLife(issued_unix_us=T), T, "active", id="from its issue"),
        pytest.param(
            KeyLife(issued_unix_us=T), T - EARLY_US, "active", id="and so far before as clocks err"
        ),
        pytest.param(
            KeyLife(issued_unix_us=T), T - EARLY_US - 1, "unknown", id="not a microsecond earlier"
        ),
        pytest.param(KeyLife(replaced_unix_us=T), T, "active", id="replaced in this moment"),
        pytest.param(
            KeyLife(replaced_unix_us=T), T + OVERLAP_US, "active", id="the last of the overlap"
        ),
        pytest.param(
            KeyLife(replaced_unix_us=T), T + OVERLAP_US + 1, "superseded", id="one after it"
        ),
        pytest.param(KeyLife(revoked_unix_us=T), T - 1, "active", id="just before it was revoked"),
        pytest.param(KeyLife(revoked_unix_us=T), T, "revoked", id="in the moment it was"),
        pytest.param(
            KeyLife(revoked_unix_us=T, invalid_since_unix_us=T - 5),
            T - 6,
            "active",
            id="before the thief",
        ),
        pytest.param(
            KeyLife(revoked_unix_us=T, invalid_since_unix_us=T - 5),
            T - 5,
            "compromised",
            id="with the thief, revoked later",
        ),
        pytest.param(
            KeyLife(revoked_unix_us=T, invalid_since_unix_us=T - 5),
            T + 9 * OVERLAP_US,
            "compromised",
            id="with the thief, long after",
        ),
        pytest.param(
            KeyLife(replaced_unix_us=T - 9 * OVERLAP_US, revoked_unix_us=T),
            T,
            "revoked",
            id="revoked is said before superseded",
        ),
        pytest.param(
            KeyLife(issued_unix_us=T + DAY_US, revoked_unix_us=T), T, "revoked", id="or unknown"
        ),
    ],
)
def test_state_at(life: KeyLife | None, at_unix_us: int, state: str) -> None:
    assert state_at(life, at_unix_us) == state


@pytest.mark.parametrize(
    ("life", "state"),
    [
        pytest.param(None, "unknown", id="nobody's key"),
        pytest.param(KeyLife(issued_unix_us=T, replaced_unix_us=T), "active", id="replaced: still"),
        pytest.param(KeyLife(revoked_unix_us=T), "revoked", id="revoked, whenever"),
        pytest.param(
            KeyLife(revoked_unix_us=T, invalid_since_unix_us=0), "compromised", id="compromised"
        ),
    ],
)
def test_what_nobody_can_date_is_doubted(life: KeyLife | None, state: str) -> None:
    assert state_without_moment(life) == state


def test_of_several_revocations_the_earliest_moments_count() -> None:
    life = with_revocations(
        KeyLife(issued_unix_us=1, replaced_unix_us=2),
        [
            revocation(revoked_unix_us=T, invalid_since_unix_us=None),
            revocation(revoked_unix_us=T + 9, invalid_since_unix_us=T - 50),
            revocation(revoked_unix_us=T + 10, invalid_since_unix_us=T - 20),
        ],
    )
    assert life == KeyLife(
        issued_unix_us=1, replaced_unix_us=2, revoked_unix_us=T, invalid_since_unix_us=T - 50
    )


def test_a_life_without_revocations_stays_as_it_is() -> None:
    assert with_revocations(KeyLife(issued_unix_us=1), []) == KeyLife(issued_unix_us=1)


class TestLine:
    @pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
    @pytest.mark.parametrize("place", range(4), ids=lambda place: f"from key {place}")
    def test_a_line_is_found_from_any_of_its_keys_and_in_any_order(
        self, place: int, order: tuple[int, ...]
    ) -> None:
        keys = [FIRST, SECOND, THIRD, STRANGER_KEY]
        rotations = line(*keys)
        shuffled = [rotations[number] for number in order]
        assert line_of(keys[place].public.kid, shuffled) == tuple(rotations)

    def test_a_key_without_events_has_no_line(self) -> None:
        assert line_of(THIRD.public.kid, line(FIRST, SECOND)) == ()

    def test_a_fork_is_refused(self) -> None:
        with pytest.raises(KeyHistoryError, match="two keys follow"):
            line_of(FIRST.public.kid, [rotation(FIRST, SECOND), rotation(FIRST, THIRD)])

    def test_a_key_that_follows_two_is_refused(self) -> None:
        with pytest.raises(KeyHistoryError, match="follows two"):
            line_of(FIRST.public.kid, [rotation(FIRST, THIRD), rotation(SECOND, THIRD)])

    def test_a_ring_is_refused(self) -> None:
        with pytest.raises(KeyHistoryError, match="ring"):
            line_of(FIRST.public.kid, line(FIRST, SECOND, THIRD, FIRST))

    def test_as_long_as_it_may_be(self) -> None:
        keys = [key_of(f"chain {number}") for number in range(KEY_CHAIN_MAX + 2)]
        in_line(line(*keys[:-1]))
        with pytest.raises(KeyHistoryError, match=f"{KEY_CHAIN_MAX} at most"):
            in_line(line(*keys))

    def test_lives_of_its_keys(self) -> None:
        found = lives_in(line(FIRST, SECOND, THIRD, every_us=DAY_US))
        assert found == {
            FIRST.public.kid: KeyLife(replaced_unix_us=T),
            SECOND.public.kid: KeyLife(issued_unix_us=T, replaced_unix_us=T + DAY_US),
            THIRD.public.kid: KeyLife(issued_unix_us=T + DAY_US),
        }

    def test_its_keys_by_id(self) -> None:
        found = keys_in(line(FIRST, SECOND, THIRD))
        assert found == {each.public.kid: each.public for each in (FIRST, SECOND, THIRD)}


class TestNewest:
    @pytest.mark.parametrize("pinned", [FIRST, SECOND, THIRD], ids=["first", "second", "third"])
    @pytest.mark.parametrize("count", [3, 4, 5], ids=lambda count: f"of {count} keys")
    def test_whichever_was_pinned_the_newest_is_followed(
        self, pinned: SigningKey, count: int
    ) -> None:
        keys = [FIRST, SECOND, THIRD, key_of("fourth"), key_of("fifth")][:count]
        assert newest_after(pinned.public, line(*keys)) == keys[-1].public

    def test_a_line_of_others_is_not_followed(self) -> None:
        assert newest_after(STRANGER_KEY.public, line(FIRST, SECOND)) == STRANGER_KEY.public


def test_states_are_words_of_the_documents() -> None:
    assert [*KeyState] == ["active", "superseded", "revoked", "compromised", "unknown"]
