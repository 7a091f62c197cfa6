"""The back office's desk for old files: a preview, the taking over, and the way out again.

Theory of operation. `preview` and `apply` do the same up to the last step, so that what was shown
is what is done; both look at what is there already. `apply` keeps each sound row in a transaction
of its own: subscriber, draft sheet, log entries and the row itself, or nothing. Who is interrupted
begins again, and the rows that were kept are known by what they say, whatever file they are in. A
row with a fault is never kept; one with doubts once a person takes them.

Sheets are drafts of subscribers whose plan is not activated: that a line works is shown by
measuring it. The log of a sheet names the file by its digest and not by its name, which may be a
person's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from omega_acceptance.catalogue import Catalogue
from omega_acceptance.errors import PlanUnknownError
from omega_core.clock import Clock
from omega_server.ids import day_of, sheet_number
from omega_server.old_files.asked import Code
from omega_server.old_files.checking import (
    DEVICE_FIELDS,
    Checked,
    Draft,
    Plans,
    Rules,
    check_table,
    compared,
    differing,
)
from omega_server.old_files.findings import Finding, Place, Weight
from omega_server.old_files.grids import OldFile, UnreadableFileError
from omega_server.old_files.mapping import OwnMapping, is_known
from omega_server.old_files.reading import read_file
from omega_server.old_files.report import FileReport, Outcome, Report, RowReport
from omega_server.old_files.shapes import shaped
from omega_server.old_files.vocabulary import Vocabulary, vocabulary
from omega_server.sheets import SheetEvent, dispatch_if_ready
from omega_server.store.errors import AlreadyThereError
from omega_server.store.old_file_port import TakenRow
from omega_server.store.port import Store
from omega_server.store.rows import EventRow, SheetRow, SubscriberRow

SHEET_COLUMN = "omega_sheet"
_PAGE_ROWS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What a person has decided. `by` goes into the log."""

    by: str = "operator"
    own: OwnMapping = field(default_factory=OwnMapping)
    take_doubtful: bool = False


class OldFileDesk:
    """Looks at old files, and takes them over."""

    def __init__(
        self, *, store: Store, catalogue: Catalogue, clock: Clock, words: Vocabulary | None = None
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._clock = clock
        self.words = words or vocabulary()

    def preview(self, files: Iterable[tuple[str, bytes]], decisions: Decisions) -> Report:
        """Return what `apply` would do; nothing is kept."""
        reports = [self._file(name, data, decisions.own) for name, data in files]
        drafts = compared([draft for file in reports for t in file.tables for draft in t.drafts])
        rows = tuple(self._row(draft, decisions) for draft in drafts)
        return Report(files=tuple(reports), rows=rows)

    def apply(self, files: Iterable[tuple[str, bytes]], decisions: Decisions) -> Report:
        """Make a draft sheet of each row that is new and sound."""
        report = self.preview(files, decisions)
        digests = {file.name: file.digest or "" for file in report.files}
        rows = tuple(
            self._take(row, digests[row.draft.place.file], decisions.by)
            if row.outcome is Outcome.NEW
            else row
            for row in report.rows
        )
        done = replace(report, rows=rows)
        read = sorted(filter(None, digests.values()))
        self._log("imported", by=decisions.by, files=read, counts=done.counts)
        return done

    def given_out(self, *, personal: bool, by: str) -> tuple[list[str], Iterator[Sequence[str]]]:
        """Return header and rows of what was taken over; what describes people on request only.

        Reading it back changes nothing here, and gives the same drafts elsewhere. That somebody
        asked is logged before anything is given.
        """
        self._log("exported", by=by, personal=personal)
        names = [
            name for name, field in self.words.fields.items() if personal or not field.personal
        ]
        return [*names, SHEET_COLUMN], self._rows_out(names, personal=personal)

    def _log(self, kind: str, **content: object) -> None:
        entry = EventRow(
            subject="server",
            subject_id="old_files",
            kind=kind,
            at_unix_us=self._clock.unix_us(),
            content=dict(content),
        )
        self._store.cases.log(entry)

    def _rows_out(self, names: Sequence[str], *, personal: bool) -> Iterator[Sequence[str]]:
        after = ""
        while page := self._store.old_files.taken(after=after, count=_PAGE_ROWS):
            for row in page:
                values = {**row.values, **(row.personal if personal else {})}
                yield [*(values.get(name, "") for name in names), row.sheet_id]
            after = page[-1].sheet_id

    def _file(self, name: str, data: bytes, own: OwnMapping) -> FileReport:
        try:
            file = read_file(name, data)
        except UnreadableFileError as error:
            return FileReport(name=name, refused=str(error), who_acts=error.who_acts)
        checked, without = self._tables(file, own)
        return FileReport(
            name=name, digest=file.digest, kind=file.kind, tables=checked, findings=without
        )

    def _tables(
        self, file: OldFile, own: OwnMapping
    ) -> tuple[tuple[Checked, ...], tuple[Finding, ...]]:
        found = shaped(file, lambda text: is_known(text, self.words, own))
        rules = self._rules(own)
        without = tuple(
            Finding(
                code=Code.NO_HEADER,
                weight=Weight.NOTE if found.tables else Weight.FAULT,
                place=Place(file=file.name, grid=grid),
            )
            for grid in found.without
        )
        return tuple(check_table(file.name, table, rules) for table in found.tables), without

    def _rules(self, own: OwnMapping) -> Rules:
        today = day_of(self._clock.unix_us())
        technologies = {}
        for plan_id in self._catalogue.plan_ids:
            try:
                profile = self._catalogue.for_plan(plan_id, today)
            except PlanUnknownError:
                continue  # no version is in force: nobody can be sold it
            technologies[plan_id] = profile.technology
        return Rules(words=self.words, own=own, plans=Plans(technologies, own), today=today)

    def _row(self, draft: Draft, decisions: Decisions) -> RowReport:
        """Return what becomes of a draft, with what is there already."""
        if any(finding.code is Code.SAME_ROW for finding in draft.findings):
            return RowReport(draft=draft, outcome=Outcome.KNOWN)
        told, sheet_id = self._beside_what_is_there(draft)
        if sheet_id is not None:
            return RowReport(draft=told, outcome=Outcome.KNOWN, sheet_id=sheet_id)
        is_sound = told.is_sound(take_doubtful=decisions.take_doubtful)
        return RowReport(draft=told, outcome=Outcome.NEW if is_sound else Outcome.LEFT_OUT)

    def _beside_what_is_there(self, draft: Draft) -> tuple[Draft, str | None]:
        """Return the draft with its findings, and the sheet that was made of it before."""
        ref = draft.values.get("subscriber_ref")
        if ref is None:
            return draft, None
        alike = self._store.old_files.alike(
            subscriber_ref=ref,
            cpe_serial=draft.values.get("cpe_serial"),
            cpe_mac=draft.values.get("cpe_mac"),
        )
        for row in alike:
            if row.subscriber_ref == ref:
                return _beside_taken(draft, row)
        subscriber = self._store.cases.subscriber(ref)
        if subscriber is not None:
            draft = draft.told(_subscriber_there(draft, subscriber))
        return draft.told(*_same_devices(draft, alike)), None

    def _take(self, row: RowReport, file_digest: str, by: str) -> RowReport:
        draft, now = row.draft, self._clock.unix_us()
        ref, plan_id = draft.values["subscriber_ref"], draft.values["plan_id"]
        year = day_of(now).year
        number = self._store.enrolment.next_number(f"sheet {year}")
        sheet = SheetRow(
            sheet_id=sheet_number(year, number), subscriber_ref=ref, created_unix_us=now
        )
        subscriber = None
        if self._store.cases.subscriber(ref) is None:
            subscriber = SubscriberRow(subscriber_ref=ref, plan_id=plan_id, created_unix_us=now)
        taken = self._taken_row(draft, sheet, file_digest, by)
        events = list(_events(taken, subscriber))
        try:
            kept = self._store.old_files.take(
                taken, sheet=sheet, subscriber=subscriber, events=events
            )
        except AlreadyThereError:  # somebody has added the subscriber in this moment
            told, _ = self._beside_what_is_there(draft)
            return RowReport(draft=told, outcome=Outcome.LEFT_OUT)
        if kept.sheet_id == sheet.sheet_id:
            dispatch_if_ready(self._store, sheet, now)  # of a subscriber that was there
            return replace(row, outcome=Outcome.MADE, sheet_id=sheet.sheet_id)
        told, sheet_id = _beside_taken(draft, kept)
        outcome = Outcome.LEFT_OUT if sheet_id is None else Outcome.KNOWN
        return RowReport(draft=told, outcome=outcome, sheet_id=sheet_id)

    def _taken_row(self, draft: Draft, sheet: SheetRow, file_digest: str, by: str) -> TakenRow:
        fields = self.words.fields
        values = {name: text for name, text in draft.values.items() if not fields[name].personal}
        personal = {name: text for name, text in draft.values.items() if fields[name].personal}
        missing = [
            finding.field or "" for finding in draft.findings if finding.code is Code.MISSING
        ]
        return TakenRow(
            digest=draft.digest,
            file_digest=file_digest,
            file_name=draft.place.file,
            place=draft.place.text(),
            subscriber_ref=sheet.subscriber_ref,
            sheet_id=sheet.sheet_id,
            cpe_serial=draft.values.get("cpe_serial"),
            cpe_mac=draft.values.get("cpe_mac"),
            values=values,
            personal=personal,
            missing=missing,
            taken_unix_us=sheet.created_unix_us,
            taken_by=by,
        )


def _beside_taken(draft: Draft, row: TakenRow) -> tuple[Draft, str | None]:
    """Return a draft of a subscriber that was taken over, and the sheet if it says nothing else."""
    fields = differing(draft.values, {**row.values, **row.personal})
    is_new = draft.values.keys() - row.values.keys() - row.personal.keys()
    has_fault = any(finding.weight is Weight.FAULT for finding in draft.findings)
    if not (fields or is_new or has_fault):
        finding = Finding(
            code=Code.IMPORTED,
            weight=Weight.NOTE,
            place=draft.place,
            facts={"sheet": row.sheet_id},
        )
        return draft.told(finding), row.sheet_id
    if not fields and not is_new:
        return draft, None
    finding = Finding(
        code=Code.OTHER_VALUES,
        weight=Weight.FAULT,
        place=draft.place,
        facts={"other": row.sheet_id, "fields": ", ".join(fields or sorted(is_new))},
    )
    return draft.told(finding), None


def _subscriber_there(draft: Draft, subscriber: SubscriberRow) -> Finding:
    if draft.values.get("plan_id", subscriber.plan_id) == subscriber.plan_id:
        return Finding(code=Code.SUBSCRIBER_THERE, weight=Weight.DOUBT, place=draft.place)
    return Finding(
        code=Code.OTHER_PLAN,
        weight=Weight.FAULT,
        place=draft.place,
        field="plan_id",
        facts={"plan": subscriber.plan_id},
    )


def _same_devices(draft: Draft, alike: Sequence[TakenRow]) -> Iterator[Finding]:
    for name in DEVICE_FIELDS:
        device = draft.values.get(name)
        others = [row.sheet_id for row in alike if row.values.get(name) == device]
        if device is not None and others:
            yield Finding(
                code=Code.DEVICE_TWICE,
                weight=Weight.DOUBT,
                place=draft.place,
                field=name,
                facts={"other": others[0]},
            )


def _events(row: TakenRow, subscriber: SubscriberRow | None) -> Iterator[EventRow]:
    """Yield what the logs of subscriber and sheet say."""
    if subscriber is not None:
        yield EventRow(
            subject="subscriber",
            subject_id=row.subscriber_ref,
            kind="added",
            at_unix_us=row.taken_unix_us,
            content={"plan_id": subscriber.plan_id, "by": row.taken_by},
        )
    created = EventRow(
        subject="sheet",
        subject_id=row.sheet_id,
        kind=SheetEvent.CREATED,
        at_unix_us=row.taken_unix_us,
        content={},
    )
    yield created
    yield replace(
        created,
        kind="imported",
        content={"file_digest": row.file_digest, "row_digest": row.digest, "by": row.taken_by},
    )
