"""Which display shows the progress: `auto` is the bar on a terminal, else lines."""

from __future__ import annotations

import threading
from typing import Final, Literal, TextIO, TypeAlias, get_args

from omega_agent.displays import Display, JsonDisplay, LineDisplay
from omega_agent.errors import WrongUseError
from omega_agent.texts import Speaker

Style: TypeAlias = Literal["auto", "bar", "lines", "json", "none"]
STYLES: Final[tuple[Style, ...]] = get_args(Style)


def display(style: str, speaker: Speaker, stop: threading.Event, stream: TextIO) -> Display:
    """Return the display of this style; raises WrongUseError for one we don't have."""
    if style not in STYLES:
        raise WrongUseError("progress", known=", ".join(STYLES))
    if style == "bar" or (style == "auto" and stream.isatty()):
        from omega_agent.display_bar import BarDisplay  # noqa: PLC0415 - rich, only for a terminal

        return BarDisplay(speaker, stop, stream)
    if style == "json":
        return JsonDisplay(speaker, stop, stream)
    if style == "none":
        return Display(speaker, stop)
    return LineDisplay(speaker, stop, stream)
