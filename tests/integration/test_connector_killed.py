"""SIGKILL at random points: no diagnostic missing on a ticket, none there twice, all in order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from support.courier_trial import CourierTrial, own_command


def check(trial: CourierTrial) -> None:
    assert trial.missing == 0
    assert trial.doubled == 0
    assert trial.is_in_order


@pytest.mark.slow
def test_killed_a_few_times(tmp_path: Path) -> None:
    trial = CourierTrial(tmp_path, seed=11)
    trial.run(cycles=4)
    assert trial.kills >= 2
    check(trial)


@pytest.mark.slow
def test_whoever_posts_without_looking_is_found_out(tmp_path: Path) -> None:
    def blind(database: str, peer_url: str) -> Sequence[str]:
        return (*own_command(database, peer_url), "blind")

    trial = CourierTrial(tmp_path, seed=13, command=blind)
    trial.run(cycles=2)
    assert trial.missing == 0
    assert trial.doubled > 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_a_hundred_times(tmp_path: Path) -> None:
    trial = CourierTrial(tmp_path, seed=12)
    trial.run(cycles=110)
    assert trial.kills >= 100
    check(trial)
