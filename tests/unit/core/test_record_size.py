"""What a record of the fullest session weighs, and that it fits everywhere it goes."""

from __future__ import annotations

from random import Random
from time import process_time

import pytest

from omega_core.derive import metrics_of
from omega_core.envelope import PayloadType, parse_envelope
from omega_core.evidence import Evidence, GoodputRun
from omega_core.limits import ENVELOPE_BYTES_MAX, FRAME_BYTES_MAX, RECORD_BYTES_MAX
from omega_core.metrics import Direction
from omega_core.models import model_bytes, parse_model
from omega_core.record import Record
from omega_core.units import US_PER_S
from omega_core.wire.testpoint import Finished, encode
from support.builders import AGENT_KEY, TEST_POINT_KEY, observation, record, sealed
from support.facts import evidence, goodput_run, idle_stream


def runs(*, flows: int, each_way: int) -> tuple[GoodputRun, ...]:
    """Return runs of 10 s at a gigabit, whose counters have the most digits."""
    return tuple(
        goodput_run(
            direction,
            run=2 * number + (direction is Direction.UP),
            rate_bps=940_000_000,
            duration_us=10 * US_PER_S,
            flows=flows,
            late_us=9_000,
        )
        for number in range(each_way)
        for direction in (Direction.DOWN, Direction.UP)
    )


def lossy_stream(packets: int) -> Evidence:
    """Return an idle stream with 2 % loss, half of it each way, and jitter."""
    random = Random(1)  # noqa: S311 - a simulation
    lost = random.sample(range(packets), packets // 50)
    return evidence(
        idle=(
            idle_stream(
                rtt_us=[80_000 + random.randrange(30_000) for _ in range(packets)],
                lost_up=lost[::2],
                lost_down=lost[1::2],
            ),
        ),
        goodput=(),
    )


@pytest.fixture(scope="module")
def standard() -> Record:
    """Give the record of a standard acceptance that used all of its runs."""
    stream = lossy_stream(3_500)
    return record(evidence(idle=stream.idle, goodput=runs(flows=8, each_way=8)))


def test_a_full_standard_record_fits(standard: Record) -> None:
    payload = model_bytes(standard)
    assert 250_000 < len(payload) < RECORD_BYTES_MAX // 2, "or the reasons in limits.py are wrong"
    assert len(sealed(standard, PayloadType.RECORD, AGENT_KEY)) < ENVELOPE_BYTES_MAX


def test_its_observation_fits_a_frame(standard: Record) -> None:
    seen = sealed(observation(standard.evidence), PayloadType.OBSERVATION, TEST_POINT_KEY)
    assert len(encode(Finished(observation=seen.decode()))) < FRAME_BYTES_MAX


def test_with_twice_the_flows_it_still_fits() -> None:
    stream = lossy_stream(3_500)
    stated = evidence(idle=stream.idle, goodput=runs(flows=16, each_way=8))
    assert len(model_bytes(record(stated))) < RECORD_BYTES_MAX
    seen = sealed(observation(stated), PayloadType.OBSERVATION, TEST_POINT_KEY)
    assert len(encode(Finished(observation=seen.decode()))) < FRAME_BYTES_MAX


def test_the_collectors_work_on_it_is_bounded(standard: Record) -> None:
    # Measured: 50 ms on one core of a 2-core machine. CPU time, so that a busy machine is no fault;
    # the bound is what lets a collector of two cores follow ten full records a second.
    data = sealed(standard, PayloadType.RECORD, AGENT_KEY)
    started = process_time()
    found = parse_model(Record, parse_envelope(data).payload)
    assert metrics_of(found.evidence) == found.metrics
    assert process_time() - started < 0.5
