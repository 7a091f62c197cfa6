"""What was judged, sealed or observed stays as it was."""

from __future__ import annotations

import pytest

from omega_core import envelope, key_history, observers, verdict
from support.shapes import (
    but,
    check_it_has_no_room_for_more,
    check_it_stays_as_it_was,
    check_its_fields_are_named,
    shapes_of,
)

SHAPES = shapes_of(verdict, envelope, key_history, observers)
SHORT = (envelope.Signature, envelope.Sealed, observers.Disagreement)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_stays_as_it_was(shape: type) -> None:
    check_it_stays_as_it_was(shape)
    check_it_has_no_room_for_more(shape)


@pytest.mark.parametrize("shape", but(SHAPES, *SHORT))
def test_its_figures_are_named(shape: type) -> None:
    check_its_fields_are_named(shape)
