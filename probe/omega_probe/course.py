"""How a session goes: each task that ends may end all others, and every reason is written down.

`over` is why no further task can begin: the stop event, a test point or a line that is gone, a
fault where the plan stops for one. What is still planned then ends with that reason, unbegun.
"""

from __future__ import annotations

import threading
from typing import Final

from omega_core.derive import metrics_of
from omega_core.evidence import Ended, Evidence
from omega_probe.task_book import TaskBook

_HEADLINES: Final = (
    "reachable_ppm",
    "idle_rtt_us_p50",
    "idle_rtt_us_p95",
    "loss_ppm_down",
    "loss_ppm_up",
    "goodput_bps_down",
    "goodput_bps_up",
    "capacity_bps_down",
    "capacity_bps_up",
    "qualified_bps_down",
    "qualified_bps_up",
    "working_rtt_us_p95_down",
    "working_rtt_us_p95_up",
)
_GONE: Final = {Ended.LINK_LOST, Ended.TEST_POINT_LOST, Ended.INTERRUPTED}


class Course:
    """One session's; `book` is written through it where a task may end the others."""

    def __init__(self, book: TaskBook, stop: threading.Event) -> None:
        self.over: tuple[Ended, str] | None = None
        self._book = book
        self._stop = stop

    def ends(self, ended: Ended, detail: str, evidence: Evidence) -> None:
        """End the task under way, and with it all others if it says that all is over."""
        if ended in _GONE and self.over is None:
            self.over = (ended, detail)
        metrics = metrics_of(evidence)
        headline = {
            name: value for name in _HEADLINES if (value := metrics[name].value) is not None
        }
        self._book.end(ended, detail, headline)

    def skips(self, task: str) -> bool:
        """Write a task down as unbegun when the session is over; return whether it is."""
        if self._stop.is_set() and self.over is None:
            self.over = (Ended.INTERRUPTED, "")
        if self.over is not None:
            self._book.skip(task, *self.over)
        return self.over is not None
