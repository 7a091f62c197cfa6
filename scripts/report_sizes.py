"""Print which modules and functions are larger than the style wants: a report, never a gate."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("core", "probe", "acceptance_profiles", "agent", "server", "tests", "bench", "scripts")
MODULE_LINES = 400
FUNCTION_LINES = 60


def oversized(path: Path) -> Iterator[str]:
    """Yield a line for the module, and one for each of its functions, that is too large."""
    text = path.read_text("utf-8")
    where = path.relative_to(ROOT)
    if (lines := text.count("\n")) > MODULE_LINES:
        yield f"{lines:5d} lines  {where}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{lines:5d} lines  {where}: {node.name}"


def main() -> None:
    """Print the report."""
    modules = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    found = [line for path in modules for line in oversized(path)]
    print("\n".join(found) or "nothing is larger than the style wants")
    print(f"{len(modules)} modules; wanted: {MODULE_LINES} lines, functions of {FUNCTION_LINES}")


if __name__ == "__main__":
    main()
