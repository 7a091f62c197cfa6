"""Admission, whatever comes and goes: never over the capacity, never for ever no."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from omega_core.units import NS_PER_S
from omega_server.testpoint.admission import Admission, Newcomer

CAPACITY_BPS = 1_000
PLACES = 5

RATES = st.integers(min_value=0, max_value=1_500)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["comes", "leaves"]),
        st.integers(min_value=0, max_value=9),
        RATES,
        RATES,
        st.integers(min_value=1, max_value=600),
        st.booleans(),
    ),
    max_size=40,
)


def newcomer(name: int, down: int, up: int, until_s: int, *, counted: bool) -> Newcomer:
    return Newcomer(
        session=str(name),
        down_bps=down,
        up_bps=up,
        until_ns=until_s * NS_PER_S,
        counted=counted,
    )


def after(steps: list[tuple[str, int, int, int, int, bool]]) -> tuple[Admission, list[Newcomer]]:
    admission = Admission(capacity_bps=CAPACITY_BPS, sessions_max=PLACES)
    inside: dict[int, Newcomer] = {}
    for kind, name, down, up, until_s, counted in steps:
        if kind == "leaves":
            admission.leave(str(name))
            inside.pop(name, None)
        elif name not in inside:
            comer = newcomer(name, down, up, until_s, counted=counted)
            if admission.admit(comer, now_ns=0) is None:
                inside[name] = comer
    return admission, [*inside.values()]


@given(STEPS)
def test_no_more_is_committed_than_there_is(
    steps: list[tuple[str, int, int, int, int, bool]],
) -> None:
    admission, inside = after(steps)
    counted = [each for each in inside if each.counted]
    assert len(admission) == len(inside) <= PLACES
    assert admission.committed.fits(CAPACITY_BPS) or len(counted) == 1


@given(steps=STEPS, down=RATES, up=RATES, counted=st.booleans())
def test_who_is_refused_gets_in_at_the_time_it_was_told_and_not_before(
    steps: list[tuple[str, int, int, int, int, bool]], down: int, up: int, *, counted: bool
) -> None:
    admission, inside = after(steps)
    late = newcomer(99, down, up, 600, counted=counted)
    busy = admission.refusal(late, now_ns=0)
    if busy is None:
        return
    for each in sorted(inside, key=lambda comer: comer.until_ns):
        if each.until_ns >= busy.retry_after_s * NS_PER_S:
            break
        admission.leave(each.session)
    assert admission.refusal(late, now_ns=0) is not None
    for each in inside:
        if each.until_ns <= busy.retry_after_s * NS_PER_S:
            admission.leave(each.session)
    assert admission.admit(late, now_ns=busy.retry_after_s * NS_PER_S) is None
