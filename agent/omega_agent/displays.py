"""Progress on stderr, for whoever watches: a moving bar, plain lines, or JSON for a program.

Theory of operation. A display is a context: entered before the first event, left when the session
is over, however it ends; leaving restores the terminal. It is given to the probe as its `emit`.
Results never come here: they go to stdout.

    bar      one line for each task, with its latest reading       omega_agent.display_bar
    lines    one line when a task begins, one when it has ended
    json     one object a line: {"event": ..., fields of the event}
    none     nothing

Which one it is `omega_agent.emitters` chooses.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import asdict
from types import TracebackType
from typing import Final, Self, TextIO

from omega_acceptance.explain import criterion_sentence, fault_sentence, figure, metric_name
from omega_agent.tables import SIGN
from omega_agent.texts import Speaker
from omega_core.evidence import Ended
from omega_core.metrics import METRICS
from omega_core.units import US_PER_S
from omega_core.verdict import Judgement
from omega_probe.events import Event, Notice, PhaseEnded, PhaseProgress, PhaseStarted

_WELL_ENDED = {Ended.COMPLETED, Ended.DECIDED}
LEFT_OUT = {Ended.SKIPPED, Ended.NO_GRANT}
_HEADLINES_MAX = 3  # what a line has room for


class Display:
    """A display that shows nothing; the others say how they show it.

    `stop` is what Ctrl-C sets: at the next event after it the display says that it was heard.
    """

    def __init__(self, speaker: Speaker, stop: threading.Event) -> None:
        self._speaker = speaker
        self._stop = stop
        self._said_stopping = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore the terminal; the base has not touched it."""

    def emit(self, event: Event) -> None:
        """Show one event."""
        if self._stop.is_set() and not self._said_stopping:
            self._said_stopping = True
            self.note(self._speaker.say("stopping"))
        self._show(event)

    def note(self, line: str) -> None:
        """Say something that is no event of the probe."""

    def first_answer(self, judgement: Judgement) -> None:
        """Say what a short look at the line came to, while the session goes on."""
        for line in first_answer_lines(judgement, self._speaker):
            self.note(line)

    def _show(self, event: Event) -> None:
        """Show the event."""


class LineDisplay(Display):
    """One line when a task begins, one when it has ended: for logs and pipes."""

    def __init__(self, speaker: Speaker, stop: threading.Event, stream: TextIO) -> None:
        super().__init__(speaker, stop)
        self._stream = stream
        self._begun: str | None = None

    def note(self, line: str) -> None:
        """See `Display.note`."""
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def _show(self, event: Event) -> None:
        match event:
            case PhaseStarted():
                self._begun = event.task
                self.note(begin_line(event, self._speaker))
            case PhaseEnded():
                self._ended(event)
            case Notice():
                self.note(f"  {self._speaker.notice(event.code)}")
            case PhaseProgress():
                pass

    def _ended(self, event: PhaseEnded) -> None:
        """Say how a task ended; one that was never begun only if it was meant to be."""
        if event.end.task == self._begun:
            self._begun = None  # the same task again may be left out
            self.note(f"  {end_line(event, self._speaker)}")
        elif event.end.ended not in LEFT_OUT:
            phase = self._speaker.phase(event.end.task)
            self.note(f"{phase}: {end_line(event, self._speaker)}")


class JsonDisplay(Display):
    """One JSON object a line, for a program that shows progress itself."""

    def __init__(self, speaker: Speaker, stop: threading.Event, stream: TextIO) -> None:
        super().__init__(speaker, stop)
        self._stream = stream

    def note(self, line: str) -> None:
        """See `Display.note`."""
        self._write({"event": "note", "text": line})

    def first_answer(self, judgement: Judgement) -> None:
        """See `Display.first_answer`."""
        outcomes = {each.id: each.outcome for each in judgement.outcomes if each.mandatory}
        content = {"verdict": judgement.verdict, "faults": judgement.faults, "outcomes": outcomes}
        self._write({"event": "first_answer", **content})

    def _show(self, event: Event) -> None:
        self._write({"event": _EVENT_NAMES[type(event)], **_fields(event)})

    def _write(self, content: dict[str, object]) -> None:
        self._stream.write(json.dumps(content, ensure_ascii=False) + "\n")
        self._stream.flush()  # a reader at the other end of a pipe sees it now, not at exit


_EVENT_NAMES: Final[dict[type[Event], str]] = {
    PhaseStarted: "phase_started",
    PhaseProgress: "phase_progress",
    PhaseEnded: "phase_ended",
    Notice: "notice",
}


def begin_line(event: PhaseStarted, speaker: Speaker) -> str:
    """Return what is being measured now, and for how long."""
    seconds = -(-event.expected_us // US_PER_S)
    return speaker.say("phase_begins", phase=speaker.phase(event.task), seconds=seconds)


def end_line(event: PhaseEnded, speaker: Speaker) -> str:
    """Return what a task came to: its foremost figures, and how it ended when not well."""
    end = event.end
    parts = [] if end.ended in _WELL_ENDED else [speaker.say(f"ended_{end.ended}")]
    parts += _figures(event.headline.items(), speaker)
    return ", ".join(parts) or speaker.say("ended_completed")


def first_answer_lines(judgement: Judgement, speaker: Speaker) -> list[str]:
    """Return the first answer in words, and what it rests on."""
    lang = speaker.language
    faults = [f"  ! {fault_sentence(fault, lang)}" for fault in judgement.faults]
    rests_on = [
        f"  {SIGN[each.outcome]} {criterion_sentence(each, lang)}"
        for each in judgement.outcomes
        if each.mandatory
    ]
    sentence = speaker.say(f"first_{judgement.verdict}")
    return [f"{SIGN[judgement.verdict]} {sentence}", *faults, *rests_on]


def reading(event: PhaseProgress, speaker: Speaker) -> str:
    """Return the latest reading of a task that goes on; empty when it has none."""
    if event.rate_bps is not None:
        return figure(event.rate_bps, "bps", speaker.language)
    if event.rtt_us is not None:
        return figure(event.rtt_us, "us", speaker.language)
    return ""


def _figures(headline: Iterable[tuple[str, int]], speaker: Speaker) -> list[str]:
    known = [(name, value) for name, value in headline if name in METRICS]
    lang = speaker.language
    return [
        f"{metric_name(name, lang)} {figure(value, METRICS[name].unit, lang)}"
        for name, value in known[:_HEADLINES_MAX]
    ]


def _fields(event: Event) -> dict[str, object]:
    """Return an event's fields as plain JSON values, those of a task's end beside the others."""
    if isinstance(event, PhaseEnded):
        return {**asdict(event.end), "headline": dict(event.headline)}
    return asdict(event)
