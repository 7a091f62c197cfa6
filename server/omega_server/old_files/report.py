"""What came of the rows: for people in lines, for programs as JSON, and as a file to be mended.

No report has a value that describes a person in it; the file to be mended has what stood there, and
belongs where the old file is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from omega_server.old_files.checking import Checked, Draft
from omega_server.old_files.findings import Finding, Weight, line, row_word, sentence
from omega_server.old_files.grids import FileKind
from omega_server.old_files.vocabulary import Vocabulary


class Outcome(StrEnum):
    """What becomes, or became, of a row."""

    NEW = "new"
    MADE = "made"
    KNOWN = "known"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReport:
    """One row; `sheet_id` is the sheet that was made of it, now or before."""

    draft: Draft
    outcome: Outcome
    sheet_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """One file. `refused` and `who_acts` say why it can't be read; then it has no digest."""

    name: str
    digest: str | None = None
    kind: FileKind | None = None
    refused: str | None = None
    who_acts: str | None = None
    tables: tuple[Checked, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def told(self) -> tuple[Finding, ...]:
        """What is said of the file and its tables, rows aside."""
        return (*self.findings, *(each for table in self.tables for each in table.findings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was read, and what becomes of it."""

    files: tuple[FileReport, ...]
    rows: tuple[RowReport, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows have which outcome; those of tables with a question are left out."""
        counts = Counter(row.outcome for row in self.rows)
        counts[Outcome.LEFT_OUT] += sum(
            table.rows_left for file in self.files for table in file.tables
        )
        return {outcome.value: counts[outcome] for outcome in Outcome}

    @property
    def is_complete(self) -> bool:
        """Tell whether nothing waits for a person."""
        return self.counts[Outcome.LEFT_OUT] == 0 and not any(
            file.refused or any(each.weight is Weight.FAULT for each in file.told)
            for file in self.files
        )


def content_of(report: Report, language: str) -> dict[str, Any]:
    """Return the report as plain JSON values."""
    return {
        "counts": report.counts,
        "files": [_file(file, language) for file in report.files],
        "rows": [
            {
                "file": row.draft.place.file,
                "grid": row.draft.place.grid,
                "row": row.draft.place.row,
                "outcome": row.outcome.value,
                "subscriber_ref": row.draft.values.get("subscriber_ref"),
                "sheet_id": row.sheet_id,
                "findings": [_finding(each, language) for each in row.draft.findings],
            }
            for row in report.rows
        ],
    }


def lines_of(report: Report, language: str) -> Iterator[str]:
    """Yield the report as people read it: a line for a file, for a finding, and the counts."""
    for file in report.files:
        if file.refused is not None:
            yield f"{file.name}: {file.refused} ({file.who_acts})"
            continue
        yield f"{file.name}  {file.kind}  {(file.digest or '')[:12]}"
        for table in file.tables:
            read = ", ".join(column.field for column in table.columns.read)
            yield f"  {table.table.grid or '-'}  {table.table.shape}  {read}"
        for finding in file.told:
            yield f"  {finding.weight}  {line(finding, language)}"
    for row in report.rows:
        for finding in row.draft.findings:
            yield f"  {finding.weight}  {line(finding, language)}"
    yield "  ".join(f"{outcome} {count}" for outcome, count in report.counts.items())


def to_mend(
    report: Report, words: Vocabulary, language: str
) -> tuple[list[str], list[Sequence[str]]]:
    """Return header and rows of what was left out, with what stood there and what to mend.

    The columns have our own names and the last two tell; both are passed over when it is imported.
    """
    left = [row.draft for row in report.rows if row.outcome is Outcome.LEFT_OUT]
    used = {name for draft in left for name in draft.raw}
    names = [name for name, field in words.fields.items() if name in used or field.required]
    rows = [
        (
            *(draft.raw.get(name, "") for name in names),
            draft.place.text(row_word(language)),
            " / ".join(
                f"{finding.field or '-'}: {sentence(finding, language)}"
                for finding in draft.findings
                if finding.weight is not Weight.NOTE
            ),
        )
        for draft in left
    ]
    return [*names, "import_source", "import_problems"], list(rows)


def _file(file: FileReport, language: str) -> dict[str, Any]:
    return {
        "name": file.name,
        "digest": file.digest,
        "kind": None if file.kind is None else file.kind.value,
        "refused": file.refused,
        "who_acts": file.who_acts,
        "findings": [_finding(each, language) for each in file.findings],
        "tables": [
            {
                "grid": checked.table.grid,
                "shape": checked.table.shape.value,
                "header_row": checked.table.header_row,
                "rows": len(checked.table.rows),
                "columns": {column.header: column.field for column in checked.columns.read},
                "findings": [_finding(each, language) for each in checked.findings],
            }
            for checked in file.tables
        ],
    }


def _finding(finding: Finding, language: str) -> dict[str, Any]:
    return {
        "code": finding.code.value,
        "weight": finding.weight.value,
        "field": finding.field,
        "cell": finding.place.cell,
        "header": finding.place.header,
        "text": sentence(finding, language),
    }
