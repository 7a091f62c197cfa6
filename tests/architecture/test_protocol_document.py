"""docs/protocol.md states the numbers that the program holds its peers to."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_core import limits
from omega_core.units import NS_PER_MS

DOCUMENT = " ".join((Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8").split())


@pytest.mark.parametrize(
    "sentence",
    [
        pytest.param(f"A frame has 1 to {limits.FRAME_BYTES_MAX:,} octets.", id="a frame"),
        pytest.param(
            f"{limits.GRANT_EARLY_S} s early and {limits.GRANT_LATE_S} s late are let pass",
            id="a grant's time",
        ),
        pytest.param(
            f"every {limits.FEEDBACK_NS // NS_PER_MS} ms of an upward load", id="feedback"
        ),
        pytest.param(
            f"At most {limits.SESSION_STREAMS_MAX} streams, {limits.GOODPUT_RUNS_MAX} runs and"
            f" {limits.GOODPUT_FLOWS_MAX} flows a run.",
            id="what a session may open",
        ),
    ],
)
def test_says_the_number_that_holds(sentence: str) -> None:
    assert sentence in DOCUMENT
