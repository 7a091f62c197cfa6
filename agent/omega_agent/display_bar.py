"""The moving display on a terminal; the only place that loads rich."""

from __future__ import annotations

import omega_agent.lean_rich  # noqa: F401 - before rich, for what it does

# isort: split
import atexit
import threading
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from omega_agent.displays import LEFT_OUT, Display, end_line, reading
from omega_agent.texts import Speaker
from omega_probe.events import Event, Notice, PhaseEnded, PhaseProgress, PhaseStarted
from omega_probe.giving_way import giving_way

_BAR_CELLS = 12  # what it says in figures stands beside it, on a terminal of 80 columns too
_SHOW_CURSOR = "\x1b[?25h"
_REFRESHES_PER_S = 8  # smooth enough to see that it lives; each one costs the CPU that measures


class BarDisplay(Display):
    """One line for each task: its name, a bar while it runs, its figures when it has ended."""

    def __init__(self, speaker: Speaker, stop: threading.Event, stream: TextIO) -> None:
        super().__init__(speaker, stop)
        self._stream = stream
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=_BAR_CELLS),
            TextColumn("{task.fields[told]}", markup=False, table_column=Column(overflow="fold")),
            console=Console(file=stream, highlight=False, emoji=False, markup=False),
            refresh_per_second=_REFRESHES_PER_S,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._rows: dict[str, TaskID] = {}
        self._giving_way = ExitStack()

    def __enter__(self) -> Self:
        # It is drawn in a thread of its own, some milliseconds each time, while packets are due.
        self._giving_way.enter_context(giving_way())
        atexit.register(self._show_cursor)
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Show the cursor again and leave the lines as they are.

        If Ctrl-C comes meanwhile, or just before, the end of the program does: rich, left in the
        middle of a line, would keep what it is given.
        """
        self._giving_way.close()
        self._progress.stop()
        self._show_cursor()
        atexit.unregister(self._show_cursor)

    def _show_cursor(self) -> None:
        with suppress(OSError, ValueError):  # the terminal is gone
            if self._stream.isatty():
                self._stream.write(_SHOW_CURSOR)
                self._stream.flush()

    def note(self, line: str) -> None:
        """See `Display.note`."""
        self._progress.console.print(Text(line))

    def _show(self, event: Event) -> None:
        match event:
            case PhaseStarted():
                self._row(event.task, total_us=event.expected_us)
            case PhaseProgress():
                row = self._row(event.task, total_us=event.expected_us)
                told = reading(event, self._speaker)
                self._progress.update(row, completed=event.done_us, told=told)
            case PhaseEnded():
                self._ended(event)
            case Notice():
                self.note(self._speaker.notice(event.code))

    def _row(self, task: str, *, total_us: int) -> TaskID:
        """Return the task's line; the same task again, as another run has it, begins a new one."""
        if task not in self._rows:
            name = self._speaker.phase(task)
            self._rows[task] = self._progress.add_task(name, total=max(total_us, 1), told="")
        return self._rows[task]

    def _ended(self, event: PhaseEnded) -> None:
        if event.end.task not in self._rows and event.end.ended in LEFT_OUT:
            return  # it was never begun, and nobody waits for it
        row = self._row(event.end.task, total_us=event.end.duration_us)
        total = next(task.total for task in self._progress.tasks if task.id == row)
        self._progress.update(row, completed=total, told=end_line(event, self._speaker))
        del self._rows[event.end.task]
