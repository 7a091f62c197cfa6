"""The dataclasses of modules, and whether what they hold can be changed afterwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from types import ModuleType

import pytest

from omega_core.facts import Fact


def shapes_of(*modules: ModuleType) -> list[type]:
    """Return the dataclasses that these modules define, and all that ought to be: the facts."""
    return [
        each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type)
        and each.__module__ == module.__name__
        and (dataclasses.is_dataclass(each) or issubclass(each, Fact))
    ]


def check_it_stays_as_it_was(shape: type) -> None:
    """Check that no field of it can be set, and that it takes no others."""
    made: object = object.__new__(shape)
    for name in (*(each.name for each in dataclasses.fields(shape)), "another"):
        with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
            setattr(made, name, None)


def check_it_has_no_room_for_more(shape: type) -> None:
    """Check that it carries its fields and nothing else: thousands of them are kept."""
    assert not hasattr(object.__new__(shape), "__dict__")


def check_its_fields_are_named(shape: type) -> None:
    """Check that nobody can fill it by position and take one figure for another."""
    with pytest.raises(TypeError, match="positional argument"):
        shape(*([None] * len(dataclasses.fields(shape))))


def but(shapes: Iterable[type], *others: type) -> list[type]:
    """Return the shapes that are not among these."""
    return [each for each in shapes if each not in others]
