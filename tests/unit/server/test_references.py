"""Hosts past the test point, named once at the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_core.errors import StorageError, UsageError
from omega_core.instruction import Instruction
from omega_core.limits import LOCAL_LIMITS_BYTES_MAX
from omega_core.models import parse_model
from omega_server.instructing.desk import InstructionDesk
from omega_server.references import REFERENCES_FILE, read_references
from support.instructions import diagnosed_ticket, wish
from support.server_rig import Rig

BEYOND = ("192.0.2.53", "2001:db8::53")


def test_there_need_be_none(tmp_path: Path) -> None:
    assert read_references(tmp_path) == ()


def test_a_file_says_what_it_says(tmp_path: Path) -> None:
    (tmp_path / REFERENCES_FILE).write_text('addresses = ["192.0.2.53", "2001:db8::53"]\n')
    assert read_references(tmp_path) == BEYOND


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("addresses = ", id="no TOML"),
        pytest.param('addresses = ["beyond.example"]', id="a name"),
        pytest.param('addresses = ["192.0.2.1.1"]', id="no address"),
        pytest.param('names = ["192.0.2.1"]', id="a word nobody knows"),
        pytest.param(f"addresses = {['192.0.2.1'] * 5}", id="too many"),
        pytest.param("#" * (LOCAL_LIMITS_BYTES_MAX + 1), id="too large"),
        pytest.param("\udcff", id="no UTF-8"),
    ],
)
def test_what_can_not_be_taken_is_said_with_the_file_and_who_mends_it(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / REFERENCES_FILE
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(UsageError, match="operator") as refusal:
        read_references(tmp_path)
    assert str(path) in str(refusal.value)


def test_a_file_that_can_not_be_read(tmp_path: Path) -> None:
    (tmp_path / REFERENCES_FILE).mkdir()
    with pytest.raises(StorageError):
        read_references(tmp_path)


def test_a_diagnosis_takes_them_along_and_nothing_else_does(rig: Rig) -> None:
    ticket_id, device = diagnosed_ticket(rig)
    desk = InstructionDesk(
        store=rig.store, catalogue=rig.installation.catalogue, clock=rig.clock, references=BEYOND
    )
    diagnosis = desk.issue(wish(ticket_id=ticket_id))
    sweep = desk.issue(wish(ticket_id=None, agent_id=device.agent_id))
    found = {}
    for view in (diagnosis, sweep):
        row = rig.store.instructions.instruction(view.instruction_id)
        assert row is not None
        found[view.instruction_id] = parse_model(Instruction, row.payload).references
    assert found == {diagnosis.instruction_id: BEYOND, sweep.instruction_id: ()}
