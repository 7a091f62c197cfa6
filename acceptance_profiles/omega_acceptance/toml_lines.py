"""On which line each key of a TOML file stands, so that a mistake can be shown where it was made.

`tomllib` forgets where it read a value. This walks the text once more and notes lines only: it is
given nothing but text that `tomllib` has accepted, so it need not find mistakes, and it never
interprets a value. A path is the keys and indices that lead to a value: ("criteria", 3, "limit").
"""

from __future__ import annotations

import re
import tomllib
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[A-Za-z0-9_-]+")
_SCALAR = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|[^,\]}#\n]*",
    re.DOTALL,
)


def key_lines(text: str) -> dict[Path, int]:
    """Return the line, counted from 1, of every key and array element in valid TOML."""
    walk = _Walk(text)
    walk.document()
    return walk.lines


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """Return the line of `path`, or of the innermost part of it that stands in the file."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


class _Walk:
    """One pass over the text; `at` only grows."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self._counted_to = 0
        self._line = 1
        self._tables: dict[Path, int] = {}  # arrays of tables, and the index of their last

    def document(self) -> None:
        table: Path = ()
        self._blank()
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self._next_of_array(self._header(2))
            elif self.text.startswith("[", self.at):
                table = self._header(1)
                self._note(table)
            else:
                self._key_and_value(table)
            self._blank()

    def _header(self, brackets: int) -> Path:
        self.at += brackets
        path = self._resolved(self._key())
        self.at += brackets
        return path

    def _resolved(self, keys: Path) -> Path:
        """Return the path of a header: inside an array of tables it means the last one."""
        path: Path = ()
        for position, key in enumerate(keys):
            path = (*path, key)
            if path in self._tables and position < len(keys) - 1:
                path = (*path, self._tables[path])
        return path

    def _next_of_array(self, path: Path) -> Path:
        self._tables[path] = index = self._tables.get(path, -1) + 1
        self._note(path)
        self._note((*path, index))
        return (*path, index)

    def _key_and_value(self, table: Path) -> None:
        line = self._line_here()
        path = table
        for key in self._key():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self.at += 1  # the equals sign
        self._value(path)

    def _key(self) -> Path:
        keys: list[str] = []
        while True:
            self._blank()
            found = _KEY.match(self.text, self.at)
            if found is None:
                raise ValueError(f"no key at offset {self.at}: not what tomllib accepts")
            keys.append(_unquoted(found.group()))
            self.at = found.end()
            self._blank()
            if not self.text.startswith(".", self.at):
                return tuple(keys)
            self.at += 1

    def _value(self, path: Path) -> None:
        self._blank()
        if self.text.startswith("[", self.at):
            self._array(path)
        elif self.text.startswith("{", self.at):
            self._inline_table(path)
        else:
            self._skip(_SCALAR)

    def _array(self, path: Path) -> None:
        index = 0
        while self._inside("]"):
            self._note((*path, index))
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: Path) -> None:
        while self._inside("}"):
            self._key_and_value(path)

    def _inside(self, closing: str) -> bool:
        """Step over the bracket or comma before the next element; False at the closing bracket."""
        self._blank()
        if self.text[self.at] != closing:
            self.at += 1
            self._blank()
        if self.text[self.at] != closing:
            return True
        self.at += 1
        return False

    def _blank(self) -> None:
        self._skip(_BLANK)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _note(self, path: Path) -> None:
        self.lines.setdefault(path, self._line_here())

    def _line_here(self) -> int:
        self._line += self.text.count("\n", self._counted_to, self.at)
        self._counted_to = self.at
        return self._line


def _unquoted(key: str) -> str:
    """Return what a key is called; quotes and escapes are those of TOML strings."""
    return str(tomllib.loads(f"key = {key}")["key"]) if key[0] in "\"'" else key
