"""Fill the help blocks of docs/cli.md from the program itself.

    python scripts/generate_cli_help.py            write them
    python scripts/generate_cli_help.py --check    only say whether they are out of date

A block stands between `<!-- help: omega measure -->` and `<!-- end -->`.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "cli.md"
_BLOCK = re.compile(r"(<!-- help: (omega[a-z ]*) -->\n).*?(<!-- end -->)", re.DOTALL)
_COLUMNS = "80"


def help_of(command: str) -> str:
    """Return what `command --help` prints on a terminal of 80 columns."""
    program = "import sys; from omega_agent.cli import main; main()"
    finished = subprocess.run(
        [sys.executable, "-c", program, *command.split()[1:], "--help"],
        check=True,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "COLUMNS": _COLUMNS,
            "TERMINAL_WIDTH": _COLUMNS,
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
    )
    return finished.stdout.strip()


def filled(text: str) -> str:
    """Return the document with every block as the program has it now."""
    return _BLOCK.sub(
        lambda found: f"{found[1]}```\n{help_of(found[2].strip())}\n```\n{found[3]}", text
    )


def main() -> int:
    """Write the document, or compare it."""
    parser = argparse.ArgumentParser(description="Help blocks of docs/cli.md")
    parser.add_argument("--check", action="store_true", help="write nothing, leave with 1")
    only_check = parser.parse_args().check
    before = DOCUMENT.read_text("utf-8")
    after = filled(before)
    if before == after:
        return 0
    print(f"{'out of date' if only_check else 'written'}: docs/cli.md")
    if not only_check:
        DOCUMENT.write_text(after, "utf-8")
    return 1 if only_check else 0


if __name__ == "__main__":
    raise SystemExit(main())
