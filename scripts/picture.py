"""Draw what a command printed as an SVG, for the README: the text is real, only the frame is ours.

Usage: script --quiet --return --command "make demo" demo.typescript
       python scripts/picture.py demo.typescript docs/images/accept.svg
"""

from __future__ import annotations

import re
import sys
from html import escape
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.terminal_theme import MONOKAI

FIRST, LAST = "LINE ACCEPTED", "Posted to"
COLUMNS = 92
_LINE_PX, _CHARACTER_PX, _MARGIN_PX = 20, 8.4, 16
_BACKGROUND, _TEXT = "#16181d", "#d8dee9"
_CURSOR = re.compile(r"\x1b\[\??[0-9;]*[A-HJKSTfhilnsu]")


def lines_of(typescript: str) -> list[str]:
    """Return the lines of the verdict, colours kept, movements of the cursor left out."""
    lines = [_CURSOR.sub("", line) for line in typescript.replace("\r", "").splitlines()]
    start = next(number for number, line in enumerate(lines) if FIRST in line)
    end = next(number for number, line in enumerate(lines) if number > start and LAST in line)
    return lines[start : end + 1]


def svg_of(lines: list[str]) -> str:
    """Return the picture: one text element a line, one span for each run of a style."""
    console = Console(width=COLUMNS, color_system="truecolor", legacy_windows=False)
    rows = []
    for number, text in enumerate(AnsiDecoder().decode("\n".join(lines))):
        spans = []
        for segment in text.render(console):
            style = segment.style
            colour = _TEXT
            if style and style.color:
                colour = style.color.get_truecolor(MONOKAI).hex
            weight = ' font-weight="bold"' if style and style.bold else ""
            content = escape(segment.text.rstrip("\n")[:COLUMNS])
            spans.append(f'<tspan fill="{colour}"{weight}>{content}</tspan>')
        y = _MARGIN_PX + (number + 1) * _LINE_PX
        rows.append(f'<text x="{_MARGIN_PX}" y="{y}" xml:space="preserve">{"".join(spans)}</text>')
    width = round(COLUMNS * _CHARACTER_PX + 2 * _MARGIN_PX)
    height = (len(rows) + 1) * _LINE_PX + 2 * _MARGIN_PX
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            ' font-family="ui-monospace, monospace" font-size="14">',
            f'<rect width="{width}" height="{height}" rx="8" fill="{_BACKGROUND}"/>',
            *rows,
            "</svg>",
            "",
        ]
    )


def main() -> None:
    """Read the first argument, write the second."""
    source, target = map(Path, sys.argv[1:3])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(svg_of(lines_of(source.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    main()
