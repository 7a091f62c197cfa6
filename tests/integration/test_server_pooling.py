"""Attempts on a sheet, through the server's API: pooled since the last change, none chosen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from omega_core.evidence import Evidence
from omega_core.units import NS_PER_S
from omega_core.verdict import Fault, Mode
from omega_server.cli.program import app
from support.facts import evidence, idle_stream
from support.live_server import listening
from support.server_rig import Device, Granted, Rig, digest_of, make_rig, refused

BAD = evidence(idle=(idle_stream(lost_up=range(0, 1_500, 5)),))
GOOD = evidence()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with make_rig(tmp_path / "server") as rig:
        yield rig


@pytest.fixture
def client(rig: Rig) -> Iterator[httpx.Client]:
    with listening(rig) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


class Visit:
    """A technician at one line."""

    def __init__(self, rig: Rig, client: httpx.Client) -> None:
        self.rig, self.client = rig, client
        self.device: Device = rig.enrolled()
        self.sheet_id: str = rig.sheet()

    def granted(self, **changes: Any) -> Granted:  # noqa: ANN401 - fields of the request
        self.rig.clock.pass_ns(60 * NS_PER_S)
        return self.rig.installed(self.device, sheet_id=self.sheet_id, **changes)

    def attempted(self, of: Evidence, *faults: Fault, **changes: Any) -> None:  # noqa: ANN401 - fields of the request
        record = self.rig.record(self.granted(**changes), of, validity=faults)
        answer = self.client.post(
            "/v1/records", content=record, headers={"Idempotency-Key": digest_of(record)}
        )
        assert answer.status_code == 201

    @property
    def sheet(self) -> dict[str, Any]:
        token = {"Authorization": f"Bearer {self.rig.services.operator_token}"}
        found: dict[str, Any] = self.client.get(f"/v1/sheets/{self.sheet_id}", headers=token).json()
        return found


@pytest.fixture
def visit(rig: Rig, client: httpx.Client) -> Visit:
    return Visit(rig, client)


def test_a_good_attempt_does_not_make_up_for_a_bad_one(visit: Visit) -> None:
    visit.attempted(BAD)
    visit.attempted(GOOD)
    visit.attempted(GOOD, Fault.CROSS_TRAFFIC)
    visit.granted()
    sheet = visit.sheet
    assert [each["verdict"] for each in sheet["records"]] == ["fail", "inconclusive", "invalid"]
    assert (sheet["verdict"], sheet["state"]) == ("fail", "measured")
    (epoch,) = sheet["epochs"]
    assert epoch["profile"] is not None
    assert {key: epoch[key] for key in epoch if key != "profile"} == {
        "number": 1,
        "changes": [],
        "attempts": 4,
        "valid": 2,
        "invalid": 1,
        "missing": 1,
        "verdict": "fail",
        "false_pass_bound_ppm": 50_000,
    }


def test_a_recorded_change_begins_anew_and_is_counted(visit: Visit) -> None:
    visit.attempted(BAD)
    visit.attempted(GOOD, changed="new cable to the socket")
    sheet = visit.sheet
    assert (sheet["verdict"], sheet["state"]) == ("inconclusive", "measured")
    first, second = sheet["epochs"]
    assert (first["verdict"], first["false_pass_bound_ppm"]) == ("fail", 50_000)
    assert second["changes"] == ["new cable to the socket"]
    assert second["false_pass_bound_ppm"] == 100_000


def test_a_line_that_was_changed_is_to_be_measured_again(visit: Visit) -> None:
    visit.attempted(BAD)
    visit.granted(changed="antenna turned", mode=Mode.QUICK)
    sheet = visit.sheet
    assert (sheet["verdict"], sheet["state"]) == (None, "dispatched")
    assert [each["attempts"] for each in sheet["epochs"]] == [1, 0]
    visit.granted()
    assert visit.sheet["state"] == "dispatched"
    visit.attempted(GOOD)
    assert visit.sheet["state"] == "measured"


def test_a_change_can_not_be_stated_afterwards(visit: Visit) -> None:
    granted = visit.granted()
    stated = granted.grant.model_copy(update={"changed": "new cable"})
    refusal = refused(visit.rig, visit.rig.record(replace(granted, grant=stated)))
    assert refusal.code == "grant_mismatch"
    assert "session.changed" in str(refusal)


def test_the_operator_sees_epochs_and_their_bound(tmp_path: Path, visit: Visit) -> None:
    visit.attempted(BAD)
    visit.attempted(GOOD, changed="CPE swapped")
    answer = CliRunner().invoke(
        app, ["sheet", "show", visit.sheet_id, "--data", str(tmp_path / "server")]
    )
    assert answer.exit_code == 0, answer.output
    lines = [each.strip() for each in answer.output.splitlines()]
    assert lines[-2:] == [
        "Epoch 1: fail; attempts: 1 (1 valid, 0 invalid, 0 without a record);"
        " false pass at most 5 %",
        "Epoch 2: inconclusive; attempts: 1 (1 valid, 0 invalid, 0 without a record);"
        " false pass at most 10 %; changed: CPE swapped",
    ]


def test_he_reads_them_in_french_too(tmp_path: Path, visit: Visit) -> None:
    visit.attempted(BAD)
    show = ["sheet", "show", visit.sheet_id, "--data", str(tmp_path / "server"), "--lang", "fr"]
    answer = CliRunner().invoke(app, show)
    assert answer.output.splitlines()[-1].strip() == (
        "Période 1 : refusé ; essais : 1 (valables : 1, non valables : 0, sans enregistrement : "
        "0) ; acceptée à tort dans 5 % des cas au plus"
    )
