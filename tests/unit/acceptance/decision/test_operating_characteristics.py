"""The decision engine on thousands of simulated lines: error rates kept, power as designed."""

from __future__ import annotations

import pytest

from support.decision_tables import LINES, Cell, cells

CELLS = [*cells()]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.table}: {cell.name}")
def test_cell(cell: Cell) -> None:
    assert [*cell.faults(cell.simulate(LINES))] == []


def test_every_kind_of_promise_stands_at_its_limit_and_has_a_control() -> None:
    tables = {cell.table for cell in CELLS if cell.at_limit}
    assert len(tables) == 6
    assert any(cell.control for cell in CELLS)
    assert len({f"{cell.table}: {cell.name}" for cell in CELLS}) == len(CELLS)


def test_a_cell_says_what_is_wrong_with_it() -> None:
    clean, late = (cell for cell in CELLS if cell.name in {"0% late", "15% late"})
    few = 50
    assert [*clean.faults(clean.simulate(few))] == []
    assert len([*clean.faults(late.simulate(few))]) == 2
