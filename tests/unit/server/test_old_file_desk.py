"""What a preview says is what is done, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omega_acceptance.catalogue import Catalogue
from omega_server import sheets, subscribers
from omega_server.old_files import separated_out, workbook_out
from omega_server.old_files.asked import Code
from omega_server.old_files.desk import Decisions, OldFileDesk
from omega_server.old_files.mapping import OwnMapping
from omega_server.old_files.report import Outcome, Report, content_of, lines_of, to_mend
from omega_server.old_files.vocabulary import folded
from omega_server.store.port import Store
from support.clock import HandClock
from support.old_folder import (
    FTTH,
    ROWS_HEADER,
    SOUND,
    SOUND_ROWS,
    WIMAX,
    bad_workbook,
    row_of,
    rows_workbook,
    workbook_of,
)
from support.server_rig import Rig, make_rig

OPERATOR = Decisions()


def desk_of(rig: Rig) -> OldFileDesk:
    return OldFileDesk(store=rig.store, catalogue=Catalogue.builtin(), clock=rig.clock)


@pytest.fixture
def desk(rig: Rig) -> OldFileDesk:
    return desk_of(rig)


@pytest.fixture
def store(rig: Rig) -> Store:
    store: Store = rig.store
    return store


def sound() -> list[tuple[str, bytes]]:
    return [(name, make()) for name, make in SOUND.items()]


def one(*rows: list[Any], name: str = "a.xlsx") -> list[tuple[str, bytes]]:
    return [(name, workbook_of([ROWS_HEADER, *rows]))]


def outcomes(report: Report) -> list[str]:
    return [row.outcome.value for row in report.rows]


def told(report: Report) -> set[Code]:
    return {finding.code for row in report.rows for finding in row.draft.findings}


def out(desk: OldFileDesk, *, personal: bool = True) -> bytes:
    return separated_out.separated(*desk.given_out(personal=personal, by="Ana"))


def test_a_preview_keeps_nothing(desk: OldFileDesk, store: Store) -> None:
    report = desk.preview(sound(), OPERATOR)
    assert report.counts == {"new": SOUND_ROWS, "made": 0, "known": 0, "left_out": 0}
    assert report.is_complete
    assert store.cases.subscribers() == []
    assert store.old_files.taken() == []


def test_each_sound_row_becomes_a_draft_sheet_once(desk: OldFileDesk, store: Store) -> None:
    report = desk.apply(sound(), OPERATOR)
    assert report.counts == {"new": 0, "made": SOUND_ROWS, "known": 0, "left_out": 0}
    assert len(store.cases.subscribers()) == len(store.cases.sheets()) == SOUND_ROWS
    made = {row.draft.values["subscriber_ref"]: row.sheet_id for row in report.rows}
    sheet = sheets.load(store, made["C-0001"] or "")
    assert sheet.state is sheets.SheetState.DRAFT
    assert [event.kind for event in sheet.events] == ["created", "imported"]
    taken = store.old_files.taken()[0]
    assert sheet.events[1].content == {
        "file_digest": report.files[0].digest,
        "row_digest": taken.digest,
        "by": "operator",
    }
    assert taken.personal["person_name"] == "Mme Roux 1"
    assert "person_name" not in taken.values
    assert subscribers.known(store, "C-0001").plan_id == WIMAX
    subscribers.activate(store, "C-0001", 1)
    assert sheets.load(store, taken.sheet_id).state is sheets.SheetState.DISPATCHED


def test_again_changes_nothing(desk: OldFileDesk, store: Store) -> None:
    desk.apply(sound(), OPERATOR)
    before = (store.cases.subscribers(), store.cases.sheets(), store.old_files.taken())
    again = desk.apply(sound(), OPERATOR)
    assert again.counts == {"new": 0, "made": 0, "known": SOUND_ROWS, "left_out": 0}
    assert all(row.sheet_id for row in again.rows)
    renamed = desk.apply([("other name.xlsx", rows_workbook())], OPERATOR)
    assert outcomes(renamed) == ["known"] * 3
    assert (store.cases.subscribers(), store.cases.sheets(), store.old_files.taken()) == before


def test_rows_of_another_file_are_known_by_what_they_say(desk: OldFileDesk) -> None:
    desk.apply(one(row_of(1), row_of(2)), OPERATOR)
    report = desk.apply(one(row_of(3), row_of(2), row_of(1), name="b.xlsx"), OPERATOR)
    assert outcomes(report) == ["made", "known", "known"]
    assert outcomes(desk.apply(one(row_of(4), row_of(4)), OPERATOR)) == ["made", "known"]


def test_one_that_contradicts_what_was_imported_is_left(desk: OldFileDesk) -> None:
    made = desk.apply(one(row_of(1, **{"CINR (dB)": None})), OPERATOR).rows[0].sheet_id
    report = desk.apply(one(row_of(1)), OPERATOR)
    assert outcomes(report) == ["left_out"]
    facts = report.rows[0].draft.findings[-1].facts
    assert facts == {"other": made, "fields": "cinr_db"}
    less = desk.apply(one(row_of(1, **{"CINR (dB)": None, "Téléphone": None})), OPERATOR)
    assert outcomes(less) == ["known"], "what is not said again contradicts nothing"
    wrong = desk.apply(one(row_of(1, **{"CINR (dB)": "bon"})), OPERATOR)
    assert outcomes(wrong) == ["left_out"]


def test_a_subscriber_that_is_there_is_asked_about(desk: OldFileDesk, store: Store) -> None:
    for ref, plan_id in (("C-0001", WIMAX), ("C-0002", FTTH)):
        subscribers.add(store, ref, plan_id, 1)
    subscribers.activate(store, "C-0001", 2)
    rows = one(row_of(1), row_of(2))
    report = desk.apply(rows, OPERATOR)
    assert outcomes(report) == ["left_out", "left_out"]
    assert told(report) == {Code.SUBSCRIBER_THERE, Code.OTHER_PLAN}
    taken = desk.apply(rows, Decisions(take_doubtful=True))
    assert outcomes(taken) == ["made", "left_out"]
    sheet = sheets.load(store, taken.rows[0].sheet_id or "")
    assert sheet.state is sheets.SheetState.DISPATCHED, "its plan is active"


def test_a_plan_that_is_not_in_force_is_none(rig: Rig) -> None:
    early = OldFileDesk(
        store=rig.store, catalogue=Catalogue.builtin(), clock=HandClock(at_unix_ns=0)
    )
    report = early.preview(one(row_of(1, **{"Date d'installation": None})), OPERATOR)
    assert outcomes(report) == ["left_out"]
    assert Code.PLAN_UNKNOWN in told(report)


def test_a_device_that_stands_elsewhere_is_asked_about(desk: OldFileDesk) -> None:
    made = desk.apply(one(row_of(1)), OPERATOR).rows[0].sheet_id
    report = desk.preview(one(row_of(2, **{"Adresse MAC": "001A2B000001"})), OPERATOR)
    assert outcomes(report) == ["left_out"]
    assert report.rows[0].draft.findings[-1].facts == {"other": made}


def test_somebody_who_comes_first_is_seen(
    desk: OldFileDesk, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the keeping another import, or the back office, may do the same."""
    real = store.old_files.take
    files = one(row_of(1))

    def meanwhile(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as `take`
        monkeypatch.setattr(store.old_files, "take", real)
        desk.apply(files, OPERATOR)
        return real(*args, **kwargs)

    monkeypatch.setattr(store.old_files, "take", meanwhile)
    assert outcomes(desk.apply(files, OPERATOR)) == ["known"]

    def added(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as `take`
        monkeypatch.setattr(store.old_files, "take", real)
        subscribers.add(store, "C-0002", WIMAX, 1)
        return real(*args, **kwargs)

    monkeypatch.setattr(store.old_files, "take", added)
    report = desk.apply(one(row_of(2)), OPERATOR)
    assert outcomes(report) == ["left_out"]
    assert told(report) == {Code.SUBSCRIBER_THERE}


def test_who_is_interrupted_begins_again(
    desk: OldFileDesk, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = store.old_files.take
    done: list[int] = []

    def twice(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as `take`
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(store.old_files, "take", twice)
    with pytest.raises(KeyboardInterrupt):
        desk.apply(sound(), OPERATOR)
    monkeypatch.setattr(store.old_files, "take", real)
    assert desk.apply(sound(), OPERATOR).counts["known"] == 2
    assert len(store.cases.sheets()) == SOUND_ROWS


def test_bad_rows_are_listed_mended_and_imported(desk: OldFileDesk) -> None:
    first = desk.apply([("a-revoir.xlsx", bad_workbook())], OPERATOR)
    assert outcomes(first) == ["left_out"] * 7
    header, rows = to_mend(first, desk.words, "fr")
    assert header[-2:] == ["import_source", "import_problems"]
    assert rows[0][-2] == "a-revoir.xlsx, Feuil1, ligne 2"
    assert "cpe_serial: " in rows[0][-1]
    own = OwnMapping(plans={folded("Fibre 300 Méga"): FTTH})
    mended = []
    for row in rows:
        cells = dict(zip(header, row, strict=True))
        if cells["install_date"] == "03/04/2019":
            cells["install_date"] = "2019-04-03"
        if cells["cpe_mac"] == "00:1A:2B:00:00":
            cells["cpe_mac"] += ":4A"
        if cells["rssi_dbm"].startswith("67"):
            cells["rssi_dbm"] = "-67"
        if not cells["subscriber_ref"]:
            cells["subscriber_ref"] = "C-0076"
        if cells["subscriber_ref"] == "C-0077":
            cells["cpe_serial"] = "SN000077"
        mended.append(list(cells.values()))
    again = desk.apply([("m.csv", separated_out.separated(header, mended))], Decisions(own=own))
    assert outcomes(again) == ["made"] * 7, list(lines_of(again, "en"))
    assert again.is_complete


def test_what_is_given_out_is_read_back_as_it_was(
    desk: OldFileDesk, tmp_path: Path, store: Store
) -> None:
    desk.apply(sound(), OPERATOR)
    for data in (out(desk), workbook_out.workbook(*desk.given_out(personal=True, by="Ana"))):
        assert outcomes(desk.apply([("out", data)], OPERATOR)) == ["known"] * SOUND_ROWS
    with make_rig(tmp_path / "elsewhere") as rig:
        elsewhere = desk_of(rig)
        elsewhere.apply([("out.csv", out(desk))], OPERATOR)
        assert [row.digest for row in rig.store.old_files.taken()] == [
            row.digest for row in store.old_files.taken()
        ]


def test_people_are_given_out_on_request_only_and_it_is_logged(
    desk: OldFileDesk, store: Store
) -> None:
    desk.apply(one(row_of(1)), Decisions(by="Ana"))
    assert b"Roux" in out(desk)
    assert b"Roux" not in out(desk, personal=False)
    assert outcomes(desk.apply([("out", out(desk, personal=False))], OPERATOR)) == ["known"]
    kinds = [
        (event.kind, event.content["by"]) for event in store.cases.events("server", "old_files")
    ]
    assert kinds[:3] == [("imported", "Ana"), ("exported", "Ana"), ("exported", "Ana")]


def test_a_formula_leaves_as_text_and_comes_back(desk: OldFileDesk) -> None:
    desk.apply(
        one(row_of(1, **{"Nom du client": "'=1", "Adresse": "+1+cmd|' /C calc'!A0"})), OPERATOR
    )
    desk.apply(
        [("b.csv", b'Code client;Offre;Remarques\nC-2;FTTH-300-100;"=HYPERLINK(1)"\n')], OPERATOR
    )
    data = out(desk)
    assert b"''=1" in data
    assert b"'+1+cmd" in data
    assert b"'=HYPERLINK(1)" in data
    assert outcomes(desk.apply([("out", data)], OPERATOR)) == ["known", "known"]


def test_files_that_can_not_be_read_leave_the_others_alone(desk: OldFileDesk) -> None:
    files = [("p.jpg", b"\xff\xd8\xff"), *one(row_of(1)), ("x.csv", b"Budget;2019\nEssence;12\n")]
    report = desk.apply(files, OPERATOR)
    assert outcomes(report) == ["made"]
    assert not report.is_complete
    lines = list(lines_of(report, "en"))
    assert lines[0] == (
        "p.jpg: a picture (back office: add pictures to the sheet; tables are imported)"
    )
    assert any("no header" in each for each in lines)
    assert lines[-1] == "new 0  made 1  known 0  left_out 0"


def test_the_report_for_programs_describes_nobody(desk: OldFileDesk) -> None:
    content = content_of(desk.preview(one(row_of(1, **{"RSSI (dBm)": 67})), OPERATOR), "fr")
    assert "Roux" not in str(content)
    row = content["rows"][0]
    assert (row["outcome"], row["subscriber_ref"]) == (Outcome.LEFT_OUT, "C-0001")
    assert row["findings"][0]["code"] == "out_of_range"
    assert row["findings"][0]["cell"] == "I2"
    assert content["files"][0]["tables"][0]["columns"]["N° client"] == "subscriber_ref"
