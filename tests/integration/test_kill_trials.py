"""SIGKILL of server, agent and ticket system: nothing lost, nothing doubled, all of it told."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.kill_trial import KillTrial


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_few_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    found = KillTrial(tmp_path, seed=3).run(times=5)
    assert found.kills.total() == 5
    assert found.faults == []
