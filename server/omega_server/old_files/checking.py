"""Each row becomes a draft and a list of what is missing or doubtful; rows are then compared.

Theory of operation. `check_table` reads the columns that `mapping` is sure of. A table with a
question that only a person can answer (a column of two fields, no column for what is required) has
no drafts at all: to keep part of its rows would be to answer it. `compared` looks at the drafts of
everything that is imported together. Whether something is there already is the desk's question.

A draft's values are in the form that is kept. Its digest is of them alone, so the same row has the
same digest wherever it stands, and a row that is imported twice is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, partial
from types import MappingProxyType

from omega_core.canonical import canonical_bytes, digest_hex
from omega_server.old_files.asked import Asked, Code
from omega_server.old_files.findings import Finding, Place, Weight
from omega_server.old_files.grids import Typed
from omega_server.old_files.mapping import Column, Columns, OwnMapping, Question, Why, columns_of
from omega_server.old_files.shapes import Table, TableRow
from omega_server.old_files.values import cleaned, read_value
from omega_server.old_files.vocabulary import Vocabulary, folded

DEVICE_FIELDS = ("cpe_serial", "cpe_mac")
"""What one device has, and no second one."""

_CODE_OF = {
    Why.UNKNOWN: Code.COLUMN_UNKNOWN,
    Why.AMBIGUOUS: Code.COLUMN_AMBIGUOUS,
    Why.TWICE: Code.COLUMN_TWICE,
    Why.UNIT: Code.COLUMN_UNIT,
}


class Plans:
    """Plans by the names that an old file may have for them, and the technology of each."""

    def __init__(self, technologies: Mapping[str, str], own: OwnMapping) -> None:
        names = {folded(plan_id): plan_id for plan_id in sorted(technologies)}
        names |= {name: plan_id for name, plan_id in own.plans.items() if plan_id in technologies}
        self._names = names
        self._technologies = technologies

    def named(self, text: str) -> str | None:
        """Return the plan that is called so."""
        return text if text in self._technologies else self._names.get(folded(text))

    def technology(self, plan_id: str | None) -> str | None:
        """Return what the line of a plan is."""
        return None if plan_id is None else self._technologies.get(plan_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything that checking depends on besides the file."""

    words: Vocabulary
    own: OwnMapping
    plans: Plans
    today: date


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What one row says. `raw` is what stood there, for those who mend it."""

    place: Place
    values: Mapping[str, str]
    raw: Mapping[str, str]
    findings: tuple[Finding, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of the values."""
        return digest_hex(canonical_bytes(dict(self.values)))

    def is_sound(self, *, take_doubtful: bool) -> bool:
        """Tell whether nothing has to be mended, or decided, before it is kept."""
        weights = {finding.weight for finding in self.findings}
        return Weight.FAULT not in weights and (take_doubtful or Weight.DOUBT not in weights)

    def told(self, *findings: Finding) -> Draft:
        """Return the draft with more findings."""
        return replace(self, findings=(*self.findings, *findings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A table: its columns, what is to be said of it as a whole, and its drafts."""

    table: Table
    columns: Columns
    findings: tuple[Finding, ...]
    drafts: tuple[Draft, ...]

    @property
    def rows_left(self) -> int:
        """How many rows have no draft because the table has an open question."""
        return 0 if self.drafts else len(self.table.rows)


def check_table(file: str, table: Table, rules: Rules) -> Checked:
    """Return the drafts of a table, or the questions that stand before them."""
    columns = columns_of(table.headers, rules.words, rules.own)
    place = Place(file=file, grid=table.grid, row=table.header_row)
    findings = [_asked(question, place, rules) for question in columns.questions]
    findings += _required(columns, place, rules)
    drafts: tuple[Draft, ...] = ()
    if all(finding.weight is Weight.NOTE for finding in findings):
        drafts = tuple(_draft(file, table, row, columns, rules) for row in table.rows)
    return Checked(table=table, columns=columns, findings=tuple(findings), drafts=drafts)


def compared(drafts: Sequence[Draft]) -> list[Draft]:
    """Return the drafts with what is to be said of those that are alike; order and number stay."""
    told: list[Draft] = list(drafts)
    _tell_same_subscriber(told)
    for field in DEVICE_FIELDS:
        _tell_same_device(told, field)
    return told


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Return the fields that two drafts of one subscriber contradict each other in."""
    return sorted(name for name in one.keys() & other.keys() if one[name] != other[name])


def _asked(question: Question, place: Place, rules: Rules) -> Finding:
    names = question.fields
    field = rules.words.fields[names[0]] if len(names) == 1 else None
    weight = Weight.NOTE if question.why is Why.UNKNOWN else Weight.FAULT
    return Finding(
        code=_CODE_OF[question.why],
        weight=weight,
        place=replace(place, header=cleaned(question.header)),
        field=names[0] if len(names) == 1 else None,
        facts={
            "choices": ", ".join(names),
            "units": ", ".join(field.units) if field is not None else "",
        },
    )


def _required(columns: Columns, place: Place, rules: Rules) -> list[Finding]:
    there = {column.field for column in columns.read}
    there |= {name for question in columns.questions for name in question.fields}
    return [
        Finding(code=Code.COLUMN_REQUIRED, weight=Weight.FAULT, place=place, field=name)
        for name, field in rules.words.fields.items()
        if field.required and name not in there
    ]


def _draft(file: str, table: Table, row: TableRow, columns: Columns, rules: Rules) -> Draft:
    values: dict[str, str] = {}
    raw: dict[str, str] = {}
    findings: list[Finding] = []
    at = Place(file=file, grid=table.grid, row=row.number)
    for column in columns.read:
        text = row.cell(column.index)
        read = read_value(text, rules.words.fields[column.field], _for(column, table, rules))
        if read is None:
            continue
        if read.value is not None:
            values[column.field] = read.value
        raw[column.field] = _to_mend(text, column)
        if read.code is not None:
            weight = Weight.FAULT if read.value is None else Weight.DOUBT
            cell = replace(at, cell=row.place(column.index), header=cleaned(column.header))
            finding = Finding(
                code=read.code, weight=weight, place=cell, field=column.field, facts=read.facts
            )
            findings.append(finding)
        else:
            raw[column.field] = values[column.field]
    findings += _missing(values, raw, at, rules)
    if values.get("install_date", "9") < values.get("contract_date", "1"):
        findings.append(_of_row(Code.DATES_REVERSED, Weight.DOUBT, at, "install_date"))
    return Draft(
        place=at,
        values=MappingProxyType(values),
        raw=MappingProxyType(raw),
        findings=tuple(findings),
    )


def _for(column: Column, table: Table, rules: Rules) -> Asked:
    return Asked(
        today=rules.today,
        day_zero=table.day_zero,
        date_order=rules.own.date_order,
        decimal_mark=rules.own.decimal_mark,
        unit=column.unit,
        is_ours=column.is_ours,
        plan=rules.plans.named,
    )


def _to_mend(text: str, column: Column) -> str:
    """Return a text for a file whose column has our name: with the unit that its header said."""
    plain = cleaned(text)
    if isinstance(text, Typed) and column.unit is None:
        return str(plain)
    has_unit = not plain[-1:].isdigit() or column.is_ours or column.unit is None
    return plain if has_unit else f"{plain} {column.unit}"


def _missing(
    values: Mapping[str, str], raw: Mapping[str, str], at: Place, rules: Rules
) -> Iterable[Finding]:
    technology = rules.plans.technology(values.get("plan_id"))
    for name, field in rules.words.fields.items():
        if name in raw:
            continue
        if field.required:
            yield _of_row(Code.MISSING_REQUIRED, Weight.FAULT, at, name)
        elif field.is_wanted(technology):
            yield _of_row(Code.MISSING, Weight.NOTE, at, name)


def _of_row(code: Code, weight: Weight, at: Place, field: str, **facts: str) -> Finding:
    return Finding(code=code, weight=weight, place=at, field=field, facts=facts)


def _tell_same_subscriber(drafts: list[Draft]) -> None:
    """Tell the later of two equal rows, and both of two that contradict each other.

    Rows that only complete each other contradict as well: which is the sheet, nobody can know.
    """
    first: dict[str, int] = {}
    for index, draft in enumerate(drafts):
        ref = draft.values.get("subscriber_ref")
        if ref is None:
            continue
        other = first.setdefault(ref, index)
        if other == index:
            continue
        if draft.values == drafts[other].values and draft.raw == drafts[other].raw:
            drafts[index] = draft.told(_beside(Code.SAME_ROW, Weight.NOTE, draft, drafts[other]))
            continue
        fields = differing(draft.values, drafts[other].values) or sorted(
            draft.values.keys() ^ drafts[other].values.keys()
        )
        tell = partial(_beside, Code.OTHER_VALUES, Weight.FAULT, fields=", ".join(fields))
        drafts[index] = draft.told(tell(draft, drafts[other]))
        if all(each.code is not Code.OTHER_VALUES for each in drafts[other].findings):
            drafts[other] = drafts[other].told(tell(drafts[other], draft))


def _tell_same_device(drafts: list[Draft], field: str) -> None:
    first: dict[str, int] = {}
    for index, draft in enumerate(drafts):
        device = draft.values.get(field)
        other = index if device is None else first.setdefault(device, index)
        subscribers = {drafts[each].values.get("subscriber_ref") for each in (index, other)}
        if len(subscribers) == 1:
            continue
        tell = partial(_beside, Code.DEVICE_TWICE, Weight.DOUBT, field=field)
        drafts[index] = draft.told(tell(draft, drafts[other]))
        drafts[other] = drafts[other].told(tell(drafts[other], draft))


def _beside(
    code: Code, weight: Weight, draft: Draft, other: Draft, field: str | None = None, **facts: str
) -> Finding:
    return Finding(
        code=code,
        weight=weight,
        place=draft.place,
        field=field,
        facts={"other": other.place.text(), **facts},
    )
