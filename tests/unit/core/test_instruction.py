"""Instructions, check-ins and reports: what their forms allow."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from omega_core.instruction import InstructionReport
from omega_core.limits import INSTRUCTION_REPORTS_MAX
from omega_core.models import model_bytes, parse_model
from support.instructions import INSTANCE, instruction
from support.store_rows import NOW

DIGEST = "ab" * 32


def report(**changes: Any) -> InstructionReport:  # noqa: ANN401 - fields of the model
    fields: dict[str, Any] = {
        "instruction_id": "i-001",
        "agent_id": "MA-000001",
        "instance": INSTANCE,
        "report_no": 1,
        "state": "accepted",
    }
    return InstructionReport(**{**fields, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="of a ticket"),
        pytest.param({"purpose": "install", "ticket_id": None, "sheet_id": "FI-1"}, id="a sheet"),
        pytest.param({"purpose": "sweep", "ticket_id": None}, id="of nothing"),
        pytest.param({"kind": "newer_than_we"}, id="of a kind that nobody knows yet"),
    ],
)
def test_an_instruction_travels(changes: dict[str, Any]) -> None:
    made = instruction(**changes)
    assert parse_model(type(made), model_bytes(made)) == made


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"ticket_id": None}, id="a ticket that is not named"),
        pytest.param({"purpose": "sweep"}, id="a sweep that names a ticket"),
        pytest.param({"sheet_id": "FI-1"}, id="a ticket that names a sheet too"),
        pytest.param({"purpose": "install", "ticket_id": None}, id="a sheet that is not named"),
        pytest.param({"purpose": "selftest"}, id="nobody is told to test himself"),
        pytest.param({"not_after_unix_us": NOW - 10**6}, id="no time to begin in"),
        pytest.param({"kind": "Measure It"}, id="a kind that is no word"),
        pytest.param({"calm_s": 601}, id="calm for ever"),
        pytest.param({"references": ("192.0.2.1",) * 9}, id="too many references"),
    ],
)
def test_an_instruction_that_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        instruction(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="accepted, without a reason"),
        pytest.param({"state": "busy", "code": "another_test"}, id="busy: why"),
        pytest.param(
            {"state": "deferred", "code": "suppressed", "until_unix_us": NOW}, id="until when"
        ),
        pytest.param({"state": "done", "record_digest": DIGEST}, id="done, with its record"),
        pytest.param(
            {"state": "cancelled", "code": "stopped", "record_digest": DIGEST},
            id="stopped, with what was measured",
        ),
        pytest.param(
            {"state": "failed", "code": "x", "report_no": INSTRUCTION_REPORTS_MAX}, id="last"
        ),
    ],
)
def test_a_report_travels(changes: dict[str, Any]) -> None:
    made = report(**changes)
    assert parse_model(type(made), model_bytes(made)) == made


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"state": "refused"}, id="refused without a reason"),
        pytest.param({"state": "deferred", "code": "x"}, id="deferred for ever"),
        pytest.param({"state": "busy", "code": "x", "until_unix_us": NOW}, id="busy until"),
        pytest.param({"record_digest": DIGEST}, id="a record before anything was done"),
        pytest.param({"state": "lost"}, id="a state nobody knows"),
        pytest.param({"report_no": 0}, id="the report before the first"),
        pytest.param({"report_no": INSTRUCTION_REPORTS_MAX + 1}, id="one too many"),
        pytest.param({"instance": "short"}, id="no instance"),
        pytest.param({"state": "failed", "code": "Not A Code"}, id="a reason in words"),
    ],
)
def test_a_report_that_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        report(**changes)
