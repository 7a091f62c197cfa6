"""Every key of a TOML file is found on the line where it stands."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omega_acceptance.catalogue import PLANS_DIRECTORY
from omega_acceptance.toml_lines import Path as KeyPath
from omega_acceptance.toml_lines import key_lines, line_of
from support.profiles import VECTORS

FILES = [*PLANS_DIRECTORY.glob("*.toml"), *VECTORS.glob("*-*/profile.toml")]

EVERYTHING = '''# a remark with [brackets] and "quotes"
one = 1 # two = 2
"quoted \\u0041" = 'lite"ral'
'single' = "with # no remark, and } ] inside"
many = """
key = "no key" """ # remark
raw = \'\'\'
also = 'no key\'\'\'\'
dotted . inner . deep = true
list = [ 1, # one
  [ 2, "," ], { a = 1, b.c = [ ] },
]
empty = {}
none = []
day = 2026-11-01 10:00:00

[table] # remark
a = 1
[table."sub.table"]
b = 2

[[rows]]
c = 3
[rows.inner]
d = 4
[[rows]]
[[rows.more]]
e = 5
[[rows.more]]
e = 6
'''

LINES: dict[KeyPath, int] = {
    ("one",): 2,
    ("quoted A",): 3,
    ("single",): 4,
    ("many",): 5,
    ("raw",): 7,
    ("dotted",): 9,
    ("dotted", "inner"): 9,
    ("dotted", "inner", "deep"): 9,
    ("list",): 10,
    ("list", 0): 10,
    ("list", 1): 11,
    ("list", 1, 0): 11,
    ("list", 1, 1): 11,
    ("list", 2): 11,
    ("list", 2, "a"): 11,
    ("list", 2, "b"): 11,
    ("list", 2, "b", "c"): 11,
    ("empty",): 13,
    ("none",): 14,
    ("day",): 15,
    ("table",): 17,
    ("table", "a"): 18,
    ("table", "sub.table"): 19,
    ("table", "sub.table", "b"): 20,
    ("rows",): 22,
    ("rows", 0): 22,
    ("rows", 0, "c"): 23,
    ("rows", 0, "inner"): 24,
    ("rows", 0, "inner", "d"): 25,
    ("rows", 1): 26,
    ("rows", 1, "more"): 27,
    ("rows", 1, "more", 0): 27,
    ("rows", 1, "more", 0, "e"): 28,
    ("rows", 1, "more", 1): 29,
    ("rows", 1, "more", 1, "e"): 30,
}


def paths_of(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:  # noqa: ANN401 - any TOML value
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, each in inner:
        yield (*path, key)
        yield from paths_of(each, (*path, key))


def test_every_form_that_toml_has() -> None:
    tomllib.loads(EVERYTHING)
    assert key_lines(EVERYTHING) == LINES


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_key_of_a_real_profile_is_found_where_it_stands(file: Path) -> None:
    text = file.read_bytes().decode().replace("\r\n", "\n")
    lines, rows = key_lines(text), text.split("\n")
    paths = [*paths_of(tomllib.loads(text))]
    assert len(paths) > 100
    for path in paths:
        if isinstance(path[-1], str):
            assert path[-1] in rows[lines[path] - 1]


def test_a_key_that_is_missing_is_shown_where_its_table_stands() -> None:
    lines = key_lines("a = 1\nb = [ {},\n {} ]\n")
    assert line_of(lines, ("b", 1, "limit")) == 3
    assert line_of(lines, ("c",)) is None
    assert line_of(lines, ()) is None


def test_text_that_tomllib_would_refuse_is_not_walked_for_ever() -> None:
    with pytest.raises(ValueError, match="no key at offset 0"):
        key_lines("= 1")
