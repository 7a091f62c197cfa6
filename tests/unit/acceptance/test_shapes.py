"""What was found of a line stays as it was found, from the engine to the judgement."""

from __future__ import annotations

import pytest

from omega_acceptance.decision import availability, reading, runs, shares
from omega_acceptance.judges import case
from omega_acceptance.judges import runs as of_runs
from omega_acceptance.judges import shares as of_shares
from support.shapes import (
    but,
    check_it_has_no_room_for_more,
    check_it_stays_as_it_was,
    check_its_fields_are_named,
    shapes_of,
)

SHAPES = shapes_of(availability, reading, runs, shares, case, of_runs, of_shares)
SHORT = (availability.Outage, of_runs.Runs, shares.Evidence, shares.OneLook, shares.ShareTest)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_stays_as_it_was_found(shape: type) -> None:
    check_it_stays_as_it_was(shape)


@pytest.mark.parametrize("shape", but(SHAPES, shares.ShareTest))  # it keeps what it has computed
def test_it_holds_nothing_else(shape: type) -> None:
    check_it_has_no_room_for_more(shape)


@pytest.mark.parametrize("shape", but(SHAPES, *SHORT))
def test_its_figures_are_named(shape: type) -> None:
    check_its_fields_are_named(shape)
