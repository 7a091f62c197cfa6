"""The verifier against everything: any bytes, and single bytes changed, of a bundle and of others.

What of these is slow changes every byte of a bundle with all its parts (record, grant, observation,
receipt, key statement, rotations and a revocation, profile, proof with its checkpoint).
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omega_agent.verify import verify
from omega_agent.verify_report import Standing
from omega_core.envelope import PayloadType
from omega_core.evidence import Evidence
from omega_core.metrics import Direction
from omega_core.record import Chain
from omega_core.verdict import Fault, Mode
from support.agent_story import Story
from support.builders import AGENT_KEY, SERVER_KEY, key_of, sealed
from support.clock import START_UNIX_US
from support.facts import attempts, evidence, goodput_run, idle_stream, working_stream
from support.key_lines import DAY_US, revocation, rotated
from support.logged import logged

TRUSTED = [SERVER_KEY.public]


@cache
def bundle() -> bytes:
    """Return a bundle with all its parts, small so that every one of them is met often."""
    small: Evidence = evidence(
        idle=(idle_stream(packets=4, lost_up=[1]),),
        goodput=(goodput_run(flows=1, duration_us=600_000, ramp_us=100_000),),
    )
    whole = Story(evidence=replace(small, attempts=small.attempts[:2])).bundle()
    later = revocation(AGENT_KEY, revoked_unix_us=START_UNIX_US + DAY_US)
    events = (
        rotated(SERVER_KEY, key_of("next server")),
        rotated(AGENT_KEY, key_of("next agent"), of="agent"),
        sealed(later, PayloadType.KEY_REVOCATION, SERVER_KEY).decode(),
    )
    return logged(whole.model_copy(update={"key_events": events})).to_bytes()


def test_the_bundle_is_valid_before_it_is_changed() -> None:
    assert verify(bundle(), trusted=TRUSTED).standing is Standing.TRUSTED


@given(st.integers(0, 8 * len(bundle()) - 1))
@example(0)
@example(8 * len(bundle()) - 1)
def test_no_bit_is_free_to_change(bit: int) -> None:
    check_found(bundle(), bit // 8, 1 << bit % 8)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_byte_is_free_to_change() -> None:
    for position in range(len(bundle())):
        check_found(bundle(), position, 1 << position % 8)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_byte_of_a_hundred_other_bundles_is_free_to_change() -> None:
    rng = Random(20_261_122)  # noqa: S311 - where a byte is changed is no secret
    seen = set()
    for number in range(100):
        data = another_bundle(number)
        seen.add(data)
        assert verify(data, trusted=TRUSTED).standing is Standing.TRUSTED, number
        for _ in range(20):
            check_found(data, rng.randrange(len(data)), rng.randrange(1, 256))
    assert len(seen) == 100


@pytest.mark.parametrize("number", range(0, 100, 20))
def test_the_other_alphabet_of_base64_is_found_in_every_part(number: int) -> None:
    """A character that only one alphabet has changes nothing that was signed, and is a change."""
    data = another_bundle(number)
    for position, octet in enumerate(data):
        if octet in b"+/" and b'"proof"' not in data[:position]:
            check_found(data, position, octet ^ (b"-"[0] if octet == b"+"[0] else b"_"[0]))


def check_found(data: bytes, position: int, flipped: int) -> None:
    """Check that the byte at this position, with these bits turned over, is found and named."""
    changed = bytearray(data)
    changed[position] ^= flipped
    report = verify(bytes(changed), trusted=TRUSTED)
    assert report.standing is Standing.INVALID, (position, flipped)
    assert report.failed, (position, flipped)


def another_bundle(number: int) -> bytes:
    """Return one of a hundred bundles: other devices, plans or none, modes, facts and proofs."""
    of_other_session = replace(
        evidence(),
        attempts=attempts(rounds=1 + number % 3),
        idle=(idle_stream(packets=2 + number % 9, rtt_us=10_000 + number, lost_up=[number % 2]),),
        goodput=(
            goodput_run(
                Direction.DOWN if number % 4 else Direction.UP,
                rate_bps=1_000_000 * (1 + number),
                flows=1 + number % 2,
                duration_us=600_000,
                ramp_us=100_000,
            ),
        ),
        working=(working_stream(packets=number % 7),) if number % 3 else (),
    )
    story = Story(
        evidence=of_other_session,
        faults=(Fault.CROSS_TRAFFIC,) if number % 11 == 0 else (),
        mode=Mode.QUICK if number % 3 == 0 else Mode.STANDARD,
        has_profile=number % 5 > 0,
        has_observation=number % 6 > 0,
        key=key_of(f"device {number}"),
        chain=Chain(seq=number, prev=None),
    )
    whole = story.bundle()
    if number % 4 == 1:
        later = revocation(story.key, revoked_unix_us=START_UNIX_US + DAY_US)
        event = sealed(later, PayloadType.KEY_REVOCATION, SERVER_KEY).decode()
        whole = whole.model_copy(update={"key_events": (event,)})
    return (logged(whole) if number % 2 else whole).to_bytes()


@given(st.integers(0, 8 * len(bundle()) - 1))
def test_without_trust_a_changed_bit_is_never_trusted(bit: int) -> None:
    changed = bytearray(bundle())
    changed[bit // 8] ^= 1 << bit % 8
    assert verify(bytes(changed), trusted=[]).standing is not Standing.TRUSTED


@given(st.binary(max_size=400))
def test_any_bytes_are_told_and_never_raised(data: bytes) -> None:
    assert verify(data, trusted=TRUSTED).standing is Standing.INVALID


@given(st.integers(0, len(bundle())), st.integers(0, len(bundle())), st.binary(max_size=40))
def test_a_piece_cut_out_or_put_in_is_found(start: int, end: int, between: bytes) -> None:
    first, last = sorted((start, end))
    changed = bundle()[:first] + between + bundle()[last:]
    valid = changed == bundle()
    assert (verify(changed, trusted=TRUSTED).standing is Standing.TRUSTED) is valid


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)


_PARTS = ["record", "grant", "observation", "receipt", "keys", "profile", "proof"]


@given(st.sampled_from(_PARTS), _PLAIN)
def test_any_content_in_any_part_is_told_and_never_raised(part: str, value: object) -> None:
    content = {**json.loads(bundle()), part: value}
    data = json.dumps(content, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )
    report = verify(data, trusted=TRUSTED)
    left_out = part in {"receipt", "proof"} and value is None  # they may not have come yet
    assert (report.standing is Standing.INVALID) is not left_out
