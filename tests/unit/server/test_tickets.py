"""Tickets: a number for ever, a description within bounds, a state that a diagnosis moves."""

from __future__ import annotations

import pytest

from omega_core.limits import DESCRIPTION_CHARS_MAX
from omega_server import tickets
from omega_server.refusals import Code, RefusalError
from support.server_rig import Rig


def test_numbers_count_up(rig: Rig) -> None:
    assert [rig.ticket() for _ in range(2)] == ["TT-2026-000001", "TT-2026-000002"]


@pytest.mark.parametrize(
    ("description", "is_good"),
    [
        pytest.param("x", True, id="one character"),
        pytest.param("é" * DESCRIPTION_CHARS_MAX, True, id="as much as fits"),
        pytest.param("", False, id="nothing"),
        pytest.param("x" * (DESCRIPTION_CHARS_MAX + 1), False, id="one too many"),
        pytest.param("a\0b", False, id="what PostgreSQL does not take"),
    ],
)
def test_a_description_has_bounds(rig: Rig, description: str, *, is_good: bool) -> None:
    subscriber = rig.subscriber()
    if is_good:
        row = tickets.open_ticket(rig.store, subscriber, description, 1)
        assert tickets.load(rig.store, row.ticket_id).row.description == description
    else:
        with pytest.raises(RefusalError) as refusal:
            tickets.open_ticket(rig.store, subscriber, description, 1)
        assert refusal.value.code is Code.SCHEMA_INVALID
        assert rig.store.cases.tickets() == []


def test_an_unknown_ticket_is_said_to_be_unknown(rig: Rig) -> None:
    with pytest.raises(RefusalError) as refusal:
        tickets.load(rig.store, "TT-1")
    assert refusal.value.code is Code.TICKET_UNKNOWN
