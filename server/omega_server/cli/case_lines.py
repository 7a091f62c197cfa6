"""A sheet or a ticket as people read it: which attempts there were, and what came of each.

    FI-2026-000001  measured
      subscriber  S-4711, plan FTTH-300-100
      activated   2026-11-18 10:00:00Z
      attempts    3: 1 valid, 0 invalid, 2 without a record

      when                  no.  for      mode      device     came to
      2026-11-22 10:00:00Z    4  install  standard  MA-000001  no record
      2026-11-22 10:05:00Z    5  install  standard  MA-000001  no record
      2026-11-22 10:10:00Z    6  install  standard  MA-000001  pass, observers agree  9a8b7c6d5e4f

      Missing: no. 4 and 5 of MA-000001. ...

      Epoch 1: pass; attempts: 3 (1 valid, 0 invalid, 2 without a record); false pass at most 5 %

A line for each grant, whatever became of it, and for each record that came without one, in the
order of the server's times: when it was granted, or came in. Numbers are the device's own count.
English and French; whoever adds a language adds its words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType

from omega_core.key_history import KeyState
from omega_core.units import PPM, US_PER_S
from omega_server.cli.common import moment
from omega_server.views import AttemptView, RecordView, SheetView, TicketView

_SKEW_TOLD_US = 60 * US_PER_S  # less is within what people read off a clock
_INDENT, _GAP = "  ", "  "


class Language(StrEnum):
    """A language of the lines."""

    EN = "en"
    FR = "fr"


_EN: Mapping[str, str] = MappingProxyType(
    {
        "subscriber": "subscriber  {ref}, plan {plan}",
        "activated": "activated   {at}",
        "attempts": "attempts    {attempts}: {valid} valid, {invalid} invalid, "
        "{missing} without a record",
        "columns": "when|no.|for|mode|device|came to",
        "no_record": "no record",
        "not_granted": "{verdict}, without a grant",
        "came_to": "{verdict}, {observers}",
        "not_judged": "not judged",
        "pass": "pass",
        "fail": "fail",
        "inconclusive": "inconclusive",
        "invalid": "invalid",
        "agree": "observers agree",
        "disagree": "observers disagree",
        "observation_missing": "one observer only",
        "key": "; valid, key {state}",
        "compromised": "compromised",
        "revoked": "revoked",
        "superseded": "superseded",
        "unknown": "unknown",
        "clock": "; its clock was {seconds} s off",
        "missing": "Missing: no. {numbers} of {device}. Granted, and never reported: broken off, "
        "still waiting on the device, or kept back.",
        "and": " and ",
        "epoch": "Epoch {number}: {verdict}; attempts: {attempts} ({valid} valid, {invalid} "
        "invalid, {missing} without a record)",
        "bound": "; false pass at most {percent} %",
        "changed": "; changed: {what}",
    }
)
_FR: Mapping[str, str] = MappingProxyType(
    {
        "subscriber": "abonné      {ref}, offre {plan}",
        "activated": "activée     {at}",
        "attempts": "essais      {attempts} : {valid} valables, {invalid} non valables, "
        "{missing} sans enregistrement",
        "columns": "quand|n°|pour|mode|appareil|a donné",
        "no_record": "aucun enregistrement",
        "not_granted": "{verdict}, sans autorisation",
        "came_to": "{verdict}, {observers}",
        "not_judged": "non jugé",
        "pass": "accepté",
        "fail": "refusé",
        "inconclusive": "indécis",
        "invalid": "non valable",
        "agree": "observateurs d'accord",
        "disagree": "observateurs en désaccord",
        "observation_missing": "un seul observateur",
        "key": " ; valable, clé {state}",
        "compromised": "compromise",
        "revoked": "révoquée",
        "superseded": "remplacée",
        "unknown": "inconnue",
        "clock": " ; son horloge était décalée de {seconds} s",
        "missing": "Manquent : n° {numbers} de {device}. Autorisés, et jamais rapportés : "
        "interrompus, encore en attente sur l'appareil, ou retenus.",
        "and": " et ",
        "epoch": "Période {number} : {verdict} ; essais : {attempts} (valables : {valid}, non "
        "valables : {invalid}, sans enregistrement : {missing})",
        "bound": " ; acceptée à tort dans {percent} % des cas au plus",
        "changed": " ; changé : {what}",
    }
)
_WORDS = {Language.EN: _EN, Language.FR: _FR}
_RIGHT = frozenset({1})


def case_lines(number: str, view: SheetView | TicketView, language: Language) -> Iterator[str]:
    """Yield the lines of a sheet or ticket."""
    words = _WORDS[language]
    yield f"{number}  {view.state}"
    for line in (
        words["subscriber"].format(ref=view.subscriber_ref, plan=view.plan.id),
        words["activated"].format(at=moment(view.plan.activated_unix_us)),
        words["attempts"].format(**view.counts.model_dump()),
    ):
        yield _INDENT + line
    rows = [row for _, row in sorted(_rows(view, words))]
    if rows:
        yield ""
        yield from _table([tuple(words["columns"].split("|")), *rows])
    epochs = _epochs(view, words) if isinstance(view, SheetView) else ()
    for lines in (list(_missing(view, words)), list(epochs)):
        if lines:
            yield ""
            yield from lines


def _epochs(view: SheetView, words: Mapping[str, str]) -> Iterator[str]:
    """Yield what the attempts since each recorded change come to together."""
    for epoch in view.epochs:
        bound_ppm = epoch.false_pass_bound_ppm
        percent = "" if bound_ppm is None else f"{bound_ppm * 100 / PPM:g}"
        line = words["epoch"].format(
            number=epoch.number,
            verdict=words[epoch.verdict or "not_judged"],
            attempts=epoch.attempts,
            valid=epoch.valid,
            invalid=epoch.invalid,
            missing=epoch.missing,
        )
        line += words["bound"].format(percent=percent) if percent else ""
        changes = (words["changed"].format(what=each) for each in epoch.changes)
        yield _INDENT + line + "".join(changes)


def _rows(
    view: SheetView | TicketView, words: Mapping[str, str]
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield time and cells of each attempt, and of each record without a grant."""
    records = {record.digest: record for record in view.records}
    for attempt in view.attempts:
        record = records.pop(attempt.record_digest or "", None)
        outcome = words["no_record"] if record is None else _outcome(record, words)
        yield (
            attempt.issued_unix_us,
            _cells(attempt, attempt.purpose, attempt.issued_unix_us, outcome),
        )
    for record in records.values():
        at = record.received_unix_us
        yield at, _cells(record, "-", at, _outcome(record, words))


def _cells(
    of: AttemptView | RecordView, purpose: str, at_unix_us: int, outcome: str
) -> tuple[str, ...]:
    seq = "-" if of.seq is None else str(of.seq)
    return (moment(at_unix_us), seq, purpose, of.mode, of.agent_id or "-", outcome)


def _outcome(record: RecordView, words: Mapping[str, str]) -> str:
    verdict = words[record.verdict or "not_judged"]
    if record.granted:
        came_to = words["came_to"].format(verdict=verdict, observers=words[record.observers])
    else:
        came_to = words["not_granted"].format(verdict=verdict)
    remarks = ""
    if record.key_state != KeyState.ACTIVE:
        remarks += words["key"].format(state=words[record.key_state])
    if record.clock_offset_us is not None and abs(record.clock_offset_us) >= _SKEW_TOLD_US:
        remarks += words["clock"].format(seconds=abs(record.clock_offset_us) // US_PER_S)
    return f"{came_to}{remarks}{_GAP}{record.digest[:12]}"


def _missing(view: SheetView | TicketView, words: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each device that has left out attempts: their numbers."""
    left_out: defaultdict[str, list[str]] = defaultdict(list)
    for attempt in view.attempts:
        if attempt.record_digest is None:
            left_out[attempt.agent_id or "-"].append(str(attempt.seq))
    for device, numbers in left_out.items():
        *first, last = numbers
        listed = words["and"].join([", ".join(first), last] if first else [last])
        yield _INDENT + words["missing"].format(numbers=listed, device=device)


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if index in _RIGHT else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield (_INDENT + _GAP.join(cells)).rstrip()
