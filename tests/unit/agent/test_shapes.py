"""What `omega verify` has found of a file stays as it was found."""

from __future__ import annotations

import pytest

from omega_agent import verify_folder, verify_log, verify_report
from support.shapes import (
    but,
    check_it_has_no_room_for_more,
    check_it_stays_as_it_was,
    check_its_fields_are_named,
    shapes_of,
)

SHAPES = shapes_of(verify_folder, verify_log, verify_report)
GROWING = (verify_report.VerifyReport,)  # it is filled in while the checks go on
SHORT = (*GROWING, verify_log.Witnesses, verify_log.Logged)


@pytest.mark.parametrize("shape", but(SHAPES, *GROWING))
def test_it_stays_as_it_was_found(shape: type) -> None:
    check_it_stays_as_it_was(shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_holds_nothing_else(shape: type) -> None:
    check_it_has_no_room_for_more(shape)


@pytest.mark.parametrize("shape", but(SHAPES, *SHORT))
def test_its_figures_are_named(shape: type) -> None:
    check_its_fields_are_named(shape)
