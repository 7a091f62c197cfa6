"""What a command finds around it: home, language, where its output goes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from omega_agent.displays import Display
from omega_agent.emitters import display
from omega_agent.errors import WrongUseError
from omega_agent.home import Home
from omega_agent.interrupts import Interrupts
from omega_agent.log_findings import Rewritten
from omega_agent.moments import utc
from omega_agent.sessions import Workplace
from omega_agent.show import Shower
from omega_agent.tables import wants_colour
from omega_agent.texts import Speaker
from omega_core.bundle import Bundle
from omega_core.clock import Clock, SystemClock
from omega_core.evidence import Evidence
from omega_core.files import followed, is_no_file, write_durably
from omega_core.models import StrictModel, content_of
from omega_core.record import Session
from omega_probe.environment import software


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Made once by the command line; results go to stdout, everything else to stderr."""

    home: Home
    speaker: Speaker
    as_json: bool = False
    progress: str = "auto"
    clock: Clock = field(default_factory=SystemClock)
    interrupts: Interrupts = field(default_factory=Interrupts)

    @property
    def shower(self) -> Shower:
        """What says results to people."""
        return Shower(self.speaker, colour=wants_colour(sys.stdout, os.environ))

    @contextmanager
    def working(self) -> Iterator[Workplace]:
        """Give what sessions work with, with progress shown until left and Ctrl-C handled."""
        with self.interrupts.watched(), self._display() as shown:
            yield self.workplace(shown)

    def workplace(self, shown: Display | None = None) -> Workplace:
        """Return what sessions and the outbox work with; without a display nothing is shown."""
        emitting = shown or Display(self.speaker, self.interrupts.stop)
        return Workplace(
            home=self.home,
            clock=self.clock,
            software=software(),
            emit=emitting.emit,
            tell_first=emitting.first_answer,
            interrupts=self.interrupts,
        )

    def print_json(self, message: StrictModel) -> None:
        """Print one JSON object, on one line."""
        print_json(content_of(message))

    def print_lines(self, lines: Iterable[str]) -> None:
        """Print results for people."""
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()

    def picture(self, evidence: Evidence) -> list[str]:
        """Return rate and delay over time as blocks for a terminal; nothing for a pipe."""
        if not sys.stdout.isatty():
            return []
        from omega_agent.picture_text import text_of  # noqa: PLC0415 - for terminals only

        lines = text_of(evidence, self.speaker)
        return ["", *lines] if lines else []

    def plot(self, path: Path, evidence: Evidence, session: Session) -> None:
        """Write rate and delay over time as an SVG; raises StorageError."""
        from omega_core.picture.svg import svg_of  # noqa: PLC0415 - for those who ask for it

        subtitle = f"{session.server}, {utc(session.started_unix_us)}"
        drawn = svg_of(evidence, subtitle=subtitle, language=self.speaker.language)
        write_durably(path, drawn.encode("utf-8"))

    def tell(self, line: str) -> None:
        """Say something that is no result."""
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    def tell_rewritten(self, logs: Iterable[Rewritten]) -> None:
        """Say which logs are not what they were, and where the evidence is."""
        for log in logs:
            self.tell(
                self.speaker.say(
                    "log_rewritten",
                    origin=log.origin,
                    seen=log.seen_size,
                    size=log.size,
                    evidence=log.evidence or "-",
                )
            )

    def _display(self) -> Display:
        return display(self.progress, self.speaker, self.interrupts.stop, sys.stderr)


def print_json(content: object) -> None:
    """Print one JSON value, on one line."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def check_can_save(path: Path | None, *, option: str = "--save") -> None:
    """Raise WrongUseError for a place that can't take a file: before the time is spent."""
    if path is None or (is_no_file(path) and os.access(path, os.W_OK)):
        return
    folder = followed(path).absolute().parent
    if path.is_dir() or not folder.is_dir():
        raise WrongUseError(
            "save_place", option=option, path=path, why=os.strerror(20 if folder.exists() else 2)
        )
    if not os.access(folder, os.W_OK):
        raise WrongUseError("save_place", option=option, path=path, why=os.strerror(13))


def save(path: Path, bundle: Bundle) -> None:
    """Write a bundle where it was asked for; raises StorageError."""
    write_durably(path, bundle.to_bytes())
