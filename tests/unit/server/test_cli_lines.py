"""`omega-server line show` and `agent place`: the verdict in words, then the figures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omega_core.availability import Gap, SeenOutage, Unwatched
from omega_core.errors import ExitCode
from omega_core.units import US_PER_S
from omega_server import tickets
from omega_server.cli import main
from omega_server.cli.line_lines import CAUSES, line_lines
from omega_server.lines.desk import Asked
from support.line_watch import DAY_S, LineWatch, at, gap, outage
from support.server_rig import Rig, make_rig

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call the program in this process; return exit code, stdout and stderr."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["omega-server", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            main()
        said = capsys.readouterr()
        assert isinstance(leaving.value.code, int)
        return leaving.value.code, said.out, said.err

    return call


def moment(second: int) -> str:
    return datetime.fromtimestamp(at(second) // US_PER_S, tz=UTC).isoformat()


def shown(watch: LineWatch, from_s: int, to_s: int, limit: int = 20) -> list[str]:
    """Return the lines of the page, without what they begin with."""
    asked = Asked(from_unix_us=at(from_s), to_unix_us=at(to_s), limit=limit)
    desk = watch.rig.services.lines
    page = desk.page(watch.subscriber_ref)
    found = line_lines(page, desk.availability(watch.subscriber_ref, asked))
    return [" ".join(line.split()) for line in found]


def test_a_device_is_placed_and_its_line_shown(run: Run, tmp_path: Path) -> None:
    with make_rig(tmp_path) as rig:
        watch = LineWatch(rig)
        watch.post(0, DAY_S, outage(100, 160))
    at_data = ("--data", tmp_path)
    times = ("--from", moment(0), "--to", moment(DAY_S))
    code, out, err = run("line", "show", watch.subscriber_ref, *times, *at_data)
    assert (code, err) == (0, "")
    assert "availability  kept: at least the 99.9000 % that the plan promises" in out
    assert "share         99.9305 % to 99.9329 % of the time observed" in out
    assert "57 to 60 s" in out
    assert out.index("kept") < out.index("99.9305"), "the verdict comes first"
    content = json.loads(run("line", "show", watch.subscriber_ref, *times, *at_data, "--json")[1])
    assert content["line"]["subscriber_ref"] == watch.subscriber_ref
    assert content["availability"]["outcome"] == "pass"

    listed = run("agent", "list", *at_data)[1]
    assert f"on the line of {watch.subscriber_ref} since" in listed
    assert "on no line" in run("agent", "place", watch.agent_id, "--nowhere", *at_data)[1]
    assert "on the line of" not in run("agent", "list", *at_data)[1]
    placed = run("agent", "place", watch.agent_id, "--subscriber", watch.subscriber_ref, *at_data)
    assert f"on the line of {watch.subscriber_ref}" in placed[1]


def test_what_can_not_be_meant(run: Run, tmp_path: Path) -> None:
    with make_rig(tmp_path) as rig:
        watch = LineWatch(rig)
    both = ("--nowhere", "--subscriber", watch.subscriber_ref)
    for arguments in (
        ("line", "show", "S-none"),
        ("line", "show", watch.subscriber_ref, "--from", "2026-11-18"),
        ("line", "show", watch.subscriber_ref, "--to", moment(0), "--from", moment(0)),
        ("agent", "place", watch.agent_id),
        ("agent", "place", watch.agent_id, *both),
        ("agent", "place", "MA-9", "--nowhere"),
    ):
        code, out, err = run(*arguments, "--data", tmp_path)
        assert (code, out, err.count("\n")) == (ExitCode.USAGE, "", 1)


def test_every_cause_has_its_words() -> None:
    assert set(CAUSES) == set(Unwatched)


@pytest.mark.parametrize(
    ("until_s", "said"),
    [
        (102, "kept: at least the 99.9000 % that the plan promises"),
        (111, "not decided: the 99.9000 % that the plan promises lie within the bounds"),
        (200, "missed: less than the 99.9000 % that the plan promises"),
    ],
)
def test_the_verdict_in_words(rig: Rig, until_s: int, said: str) -> None:
    watch = LineWatch(rig)
    watch.post(0, 10_000, outage(100, until_s))
    assert f"availability {said}; the plan's own window is 30 days" in shown(watch, 0, 10_000)


def test_a_line_that_nobody_watches(rig: Rig) -> None:
    watch = LineWatch(rig, placed=False)
    lines = shown(watch, 0, 100)
    assert "now not known: no agent stands on this line" in lines
    assert (
        "availability not decided: less than 90.0000 % of the time was observed;"
        " the plan's own window is 30 days" in lines
    )
    assert "observed 00:00:00 of 00:01:40" in lines


def test_a_plan_without_a_promise(rig: Rig) -> None:
    watch = LineWatch(rig, subscriber_ref=rig.subscriber("OLD-PLAN").subscriber_ref)
    assert "availability not judged: the plan promises nothing of it" in shown(watch, 0, 100)


def test_what_is_known_of_now(rig: Rig) -> None:
    watch = LineWatch(rig)
    assert "now not known: the agent is silent, never heard of" in shown(watch, 0, 100)
    watch.post(0, 100, outage(90, None, last_s=99))
    watch.check_in(connected_s=5)
    assert f"now connected: {watch.agent_id}" in shown(watch, 0, 100)
    watch.go_to(60)
    (now,) = (line for line in shown(watch, 0, 200) if line.startswith("now "))
    assert now.startswith("now down when the newest record ended, 2026-")
    assert "; last heard of 2026-" in now
    assert any(line.endswith("and the newest record ends with it") for line in shown(watch, 0, 200))


def test_everything_else_is_told(rig: Rig) -> None:
    watch = LineWatch(rig)
    watch.lose(watch.sealed(0, 50))
    events: list[SeenOutage | Gap] = [outage(60, 70), gap(80, 85), gap(90, 92, Unwatched.STALLED)]
    watch.post(50, 100, *events, clock_step_us=-3_600 * US_PER_S)
    watch.lose(watch.sealed(100, 200))
    watch.post(200, 300)
    watch.seq, watch.prev = 0, None
    watch.post(300, 400)
    watch.go_to(400)
    placed_until = rig.subscriber().subscriber_ref
    watch.place(placed_until)
    lines = shown(watch, 0, 2 * DAY_S, limit=3)
    assert f"incomplete records of {watch.agent_id} before its number 1 have not come" in lines
    assert f"incomplete records of {watch.agent_id} between 1 and 3 are missing" in lines
    assert f"incomplete {watch.agent_id} began its count anew after record 3" in lines
    assert "clock the agent's UTC was up to 3600 s from the times shown" in lines
    assert "not observed 00:00:05: the device was without power or rebooted" in lines
    assert any(line.endswith("2.0 s: the device was too busy") for line in lines)
    assert any(line.startswith("older not listed: those before") for line in lines)
    assert any(line.startswith("observed 00:04:03 of 2 d 00:00:00") for line in lines)
    assert any(
        line.startswith(f"agent {watch.agent_id} here since") and "until" in line for line in lines
    )


def test_lost_packets_are_no_outages_for_people(rig: Rig) -> None:
    watch = LineWatch(rig)
    watch.post(0, 100, outage(10, 12), outage(20, 40))
    assert "outages 1, and 1 that may be a lost packet or two" in shown(watch, 0, 100)


def test_tickets_sheets_and_records_are_named(rig: Rig) -> None:
    sheet_id = rig.sheet()
    rig.post(rig.record(rig.installed(rig.enrolled(), sheet_id=sheet_id)))
    watch = LineWatch(rig, subscriber_ref=rig.store.cases.sheet(sheet_id).subscriber_ref)
    watch.post(0, 100, outage(10, 20))
    subscriber = rig.store.cases.subscriber(watch.subscriber_ref)
    ticket = tickets.open_ticket(rig.store, subscriber, "slow", at(0)).ticket_id
    lines = shown(watch, 0, 100)
    assert f"open tickets {ticket}" in lines
    assert f"sheets {sheet_id}" in lines
    assert any(line.startswith("last record inconclusive, standard, 2026-") for line in lines)
    assert any(line.startswith("last outage 2026-") for line in lines)
