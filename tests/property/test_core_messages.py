from __future__ import annotations

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from omega_core.metrics import Direction
from omega_core.wire.frames import FrameError, FrameReader
from omega_core.wire.testpoint import (
    FlowTick,
    OpenRun,
    Progress,
    decode_from_probe,
    decode_from_test_point,
    encode,
)
from support.json_values import JSON_VALUES

COUNTS = st.integers(0, 2**53 - 1)
TICKS = st.builds(FlowTick, flow=st.integers(0, 15), at_us=COUNTS, octets=COUNTS)
TYPES = st.sampled_from(["hello", "open_run", "join", "run_closed", "progress", "finished", "odd"])


def _frame(kind: str, more: object) -> bytes:
    content = {"type": kind, **(more if isinstance(more, dict) else {"run": more})}
    return json.dumps(content).encode()


@given(st.builds(Progress, run=st.integers(0, 31), flows=st.lists(TICKS, max_size=16).map(tuple)))
def test_progress_arrives(message: Progress) -> None:
    (frame,) = FrameReader().feed(encode(message))
    assert decode_from_test_point(frame) == message


@given(
    st.builds(
        OpenRun,
        run=st.integers(0, 31),
        direction=st.sampled_from(Direction),
        duration_ms=st.integers(100, 60_000),
        congestion_control=st.none() | st.text("abcdefghijk_", min_size=1, max_size=16),
    )
)
def test_wishes_arrive(message: OpenRun) -> None:
    (frame,) = FrameReader().feed(encode(message))
    assert decode_from_probe(frame) == message


@given(st.binary() | st.builds(_frame, TYPES, JSON_VALUES))
def test_any_frame_is_a_message_or_a_frame_error(frame: bytes) -> None:
    for decode in (decode_from_probe, decode_from_test_point):
        with contextlib.suppress(FrameError):
            decode(frame)
