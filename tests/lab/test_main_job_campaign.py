"""`omega campaign run` over an emulated line: a run that counts, at the rates that the line has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omega_agent.campaign_status import CampaignStatus
from omega_core.models import parse_model
from support.main_job import DOWN_BPS, UP_BPS, Omega
from support.morning import hour_in_berlin
from support.rules import BNETZA

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(120)]


def test_a_run_counts_and_the_next_is_too_early(omega: Omega, tmp_path: Path) -> None:
    with hour_in_berlin(tmp_path):
        begin_and_run(omega)


def begin_and_run(omega: Omega) -> None:
    begun = omega.run("campaign", "start", "--rule", BNETZA, "--plan", "LAB-CAMPAIGN")
    assert begun.code == 0, begun.stderr
    done = omega.run("campaign", "run", "--progress", "none")
    assert done.code == 0, done.stdout + done.stderr
    assert "The run counts: number 1 of campaign CA-" in done.stdout
    content = json.loads((omega.home / "campaign.json").read_text())
    (attempt,) = content["attempts"]
    for found, rate_bps in ((attempt["down_bps"], DOWN_BPS), (attempt["up_bps"], UP_BPS)):
        # In the layer of the contract, IP: what the link lets through, but for its own headers.
        assert 0.95 * rate_bps < found <= 1.01 * rate_bps
    status = omega.run("campaign", "status", "--json")
    found_status = parse_model(CampaignStatus, status.stdout.encode())
    assert (found_status.done, found_status.needed, found_status.attempts) == (1, 30, 1)
    too_early = omega.run("campaign", "run", "--progress", "none")
    assert (too_early.code, "not before" in too_early.stderr) == (64, True)
