"""What is told of one record: a mark to find it by, words, files.

Pure: a record and its judgement come in, text goes out. The mark is part of every text, because it
is how a note is found again whose answer was lost; it says nothing about anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from omega_core.units import US_PER_S

Language = Literal["en", "fr"]
MARK_HEX: Final = 12
JSON_TYPE: Final = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneNote:
    """Where the fault is: a code such as `Z2`, and a sentence for clerks in each language."""

    code: str
    sentences: Mapping[Language, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file to attach; its name is unique for each record."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One record as a ticket system is told of it. `verdict` is None where nothing was judged."""

    ticket_id: str
    record_digest: str
    verdict: str | None
    mode: str
    agent_id: str | None
    received_unix_us: int
    not_kept: tuple[str, ...] = ()
    zone: ZoneNote | None = None
    link: str | None = None
    files: tuple[File, ...] = ()

    @property
    def mark(self) -> str:
        """What the note and its file are found by."""
        return mark_of(self.record_digest)


def mark_of(record_digest: str) -> str:
    """Return the mark of a record: short enough to read out, long enough for one ticket."""
    return f"omega:{record_digest[:MARK_HEX]}"


def record_file_name(record_digest: str) -> str:
    """Return the name of the record's file: the digits of the mark, no colon in it."""
    return f"omega-{record_digest[:MARK_HEX]}.json"


_VERDICTS: Final[Mapping[Language, Mapping[str | None, str]]] = {
    "en": {
        "pass": "the line keeps what the plan promises",
        "fail": "the line does not keep what the plan promises",
        "inconclusive": "measured, and not yet proved either way",
        "invalid": "the run was spoiled and counts for nothing",
        None: "measured, and not judged",
    },
    "fr": {
        "pass": "la ligne tient ce que promet l'offre",
        "fail": "la ligne ne tient pas ce que promet l'offre",
        "inconclusive": "mesurée, rien n'est encore prouvé dans un sens ni dans l'autre",
        "invalid": "la mesure a été faussée et ne compte pas",
        None: "mesurée, sans jugement",
    },
}
_LINES: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "title": "Omega diagnosis",
        "ticket": "Ticket {ticket}, received {when} UTC, mode {mode}, device {agent}.",
        "not_kept": "Not kept: {names}.",
        "zone": "Zone of the fault: {code}. {sentence}",
        "file": "The signed record is attached as {name}; `omega verify {name}` checks it.",
        "link": "The record: {link}",
        "nobody": "not enrolled",
    },
    "fr": {
        "title": "Diagnostic Omega",
        "ticket": "Ticket {ticket}, reçu le {when} UTC, mode {mode}, appareil {agent}.",
        "not_kept": "Critères non tenus : {names}.",
        "zone": "Zone du défaut : {code}. {sentence}",
        "file": "L'enregistrement signé est joint, {name} ; `omega verify {name}` le contrôle.",
        "link": "L'enregistrement : {link}",
        "nobody": "non inscrit",
    },
}


def subject_of(diagnostic: Diagnostic, language: Language) -> str:
    """Return one line, the mark in it."""
    verdict = diagnostic.verdict or "-"
    return f"{_LINES[language]['title']} {verdict.upper()} [{diagnostic.mark}]"


def text_of(diagnostic: Diagnostic, language: Language) -> str:
    """Return the note as plain text; its last line is the mark."""
    said, lines = _LINES[language], list[str]()
    lines.append(f"{said['title']} : " if language == "fr" else f"{said['title']}: ")
    lines[0] += _VERDICTS[language].get(diagnostic.verdict, diagnostic.verdict or "-") + "."
    when = datetime.fromtimestamp(diagnostic.received_unix_us // US_PER_S, tz=UTC)
    lines.append(
        said["ticket"].format(
            ticket=diagnostic.ticket_id,
            when=when.strftime("%Y-%m-%d %H:%M:%S"),
            mode=diagnostic.mode,
            agent=diagnostic.agent_id or said["nobody"],
        )
    )
    if diagnostic.not_kept:
        lines.append(said["not_kept"].format(names=", ".join(diagnostic.not_kept)))
    if diagnostic.zone is not None:
        sentence = diagnostic.zone.sentences.get(language, "")
        lines.append(said["zone"].format(code=diagnostic.zone.code, sentence=sentence).rstrip())
    lines += [said["file"].format(name=each.name) for each in diagnostic.files]
    if diagnostic.link is not None:
        lines.append(said["link"].format(link=diagnostic.link))
    return "\n".join([*lines, diagnostic.mark])
