"""The chain of a customer's line: it carries, its faults are there for tools that are not ours."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab.pytest_support import pytest_runtest_setup
from omega_acceptance.zone.codes import Zone
from omega_core.clock import SystemClock
from omega_core.evidence import Ended, TaskEnd
from omega_core.metrics import Direction
from omega_core.path import Echoes, PathRole, Trace
from omega_probe.events import Event, PhaseEnded, PhaseStarted
from omega_probe.path_diagnosis import PathTargets, diagnose_path
from omega_probe.path_loaded import LoadedLook
from support.chain.cases import (
    ACCESS,
    INDISTINCT,
    LINKS,
    PLACES,
    Access,
    ChainCase,
    Kind,
    case_of,
    draw_case,
    healthy_case,
)
from support.chain.chain_lab import ChainLab
from support.chain.layout import BOX_LAN_V4, FAR_V4, FAR_V6, OTHER_V6, TEST_POINT_V4, TEST_POINT_V6
from support.chain.lines import emulated_links
from support.chain.matrix import Told, keeps_the_bar, tables
from support.chain.observed import ANSWERED, ask_name, doubts, ping
from support.chain.trials import by_command, tell_case

__all__ = ["pytest_runtest_setup"]

BUILT_S = 3.0


class TestDrawing:
    """What is drawn of a seed."""

    def test_a_seed_draws_the_same_case_again_and_it_survives_json(self) -> None:
        for seed in range(200):
            case = draw_case(seed)
            assert draw_case(seed) == case
            assert ChainCase.from_json(case.to_json()) == case

    def test_every_pair_of_fault_and_zone_is_drawn_and_healthy_lines_of_each_access(self) -> None:
        cases = [draw_case(seed) for seed in range(2_000)]
        pairs = {(case.fault.kind, case.zone) for case in cases if case.fault is not None}
        assert pairs == {*PLACES}
        assert {case.access for case in cases if case.fault is None} == {*Access}
        healthy = sum(case.fault is None for case in cases)
        assert 400 < healthy < 600, "a quarter"

    def test_what_is_not_there_can_not_be_asked_for(self) -> None:
        with pytest.raises(ValueError, match="no fault of kind names in zone Z2"):
            case_of(Kind.NAMES, Zone.ACCESS, 0)

    def test_no_two_links_lose_the_same_packets(self) -> None:
        specs = emulated_links(healthy_case(3)) | emulated_links(case_of(Kind.LOSS, Zone.CORE, 3))
        seeds = [each.seed for spec in specs.values() for each in (spec.down, spec.up)]
        assert len(seeds) == len({*seeds})
        assert {*specs} <= {*LINKS}
        assert ACCESS in specs


class TestCounting:
    """What becomes of many cases."""

    @staticmethod
    def told(case: ChainCase, found: Zone | None, *doubts: str) -> Told:
        return Told(case=case, found=found, said="", finder_ms=1_000, doubts=doubts)

    def test_the_bar_asks_for_right_few_wrong_and_no_false_alarm(self) -> None:
        lossy, healthy = case_of(Kind.LOSS, Zone.CORE, 1), healthy_case(1)
        right = [self.told(lossy, Zone.CORE)] * 99
        assert keeps_the_bar([*right, self.told(lossy, Zone.NONE)])
        assert keeps_the_bar([*right, *([self.told(lossy, None)] * 5)])
        assert not keeps_the_bar([*right, *([self.told(lossy, None)] * 6)])
        assert not keeps_the_bar([*right, *([self.told(lossy, Zone.LAN)] * 3)])
        assert not keeps_the_bar([*right, self.told(healthy, Zone.LAN)])
        assert keeps_the_bar([*right, self.told(healthy, Zone.LAN, "not proved")])
        assert not keeps_the_bar([])

    def test_the_tables_name_what_was_not_right(self) -> None:
        lossy = case_of(Kind.LOSS, Zone.CORE, 7)
        text = tables([self.told(lossy, Zone.LAN), self.told(lossy, Zone.CORE, "no loss")])
        assert "1 cases: right 0.0%, wrong 100.0%, unknown 0.0%" in text
        assert "seed 7" in text
        assert "no loss" in text


@pytest.fixture(scope="module")
def healthy() -> Iterator[ChainLab]:
    with ChainLab(ChainCase(access=Access.ADSL, cgnat=True)) as lab:
        yield lab


@pytest.mark.lab
@pytest.mark.slow
@pytest.mark.timeout(60)
class TestChain:
    """Real namespaces."""

    def test_a_whole_chain_carries_names_and_echoes_of_both_families(
        self, healthy: ChainLab
    ) -> None:
        for address in (BOX_LAN_V4, TEST_POINT_V4, TEST_POINT_V6, FAR_V4, FAR_V6, OTHER_V6):
            assert ping(healthy.device, address).received >= 18, address
        assert ask_name(healthy.device, BOX_LAN_V4) == ANSWERED
        assert doubts(healthy) == []
        assert all(link.is_sound() for link in healthy.truth().values())

    @pytest.mark.parametrize(
        ("kind", "zone"), [*PLACES, *INDISTINCT], ids=lambda each: each.name.lower()
    )
    def test_a_fault_is_there_and_goes_when_it_is_mended(self, kind: Kind, zone: Zone) -> None:
        case = case_of(kind, zone, 11)
        began = time.monotonic()
        with ChainLab(case) as lab:
            assert time.monotonic() - began < BUILT_S
            assert doubts(lab) == []
            lab.mend()
            assert ping(lab.device, FAR_V4).received >= 15
            assert ask_name(lab.device, BOX_LAN_V4) == ANSWERED

    def test_nothing_is_left_of_a_chain(self) -> None:
        with ChainLab(case_of(Kind.LOSS, Zone.ACCESS, 5)) as lab:
            inside = lab.namespaces()
            lab.device.popen(["sleep", "60"])
            assert _users_of(inside)
        assert not _users_of(inside)

    def test_a_broken_build_leaves_nothing_either(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lab = ChainLab(case_of(Kind.LOSS, Zone.ACCESS, 5))

        inside = set[int]()

        def fail() -> None:
            inside.update(lab.namespaces())
            lab.device.popen(["sleep", "60"])
            raise RuntimeError("on purpose")

        monkeypatch.setattr(lab, "inject", fail)
        with pytest.raises(RuntimeError, match="on purpose"), lab:
            pass
        assert inside
        assert not _users_of(inside)

    def test_any_command_may_be_the_finder(self) -> None:
        finder = by_command(["sh", "-c", f"ping -c 2 -W 1 {FAR_V4} >/dev/null || " + _SAYS_ACCESS])
        told = tell_case(case_of(Kind.DOWN, Zone.ACCESS, 3), finder, proved=True)
        assert (told.found, told.doubts, told.is_right) == (Zone.ACCESS, (), True)
        told = tell_case(healthy_case(3), finder, proved=False)
        assert told.is_unknown, "it says nothing of a good line"


_SAYS_ACCESS = "echo '" + json.dumps({"zone": "Z2"}) + "'"


def _users_of(inodes: set[int]) -> list[str]:
    """Return the processes that live in one of these network namespaces."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if (process / "ns" / "net").stat().st_ino in inodes:
                found.append(process.name)
    return found


@pytest.mark.lab
@pytest.mark.slow
@pytest.mark.timeout(60)
def test_beside_a_load_the_gateway_the_way_and_the_end_are_asked(healthy: ChainLab) -> None:
    """The session's events are played; nothing loads the line."""
    clock, events = SystemClock(), list[Event]()
    targets = PathTargets(test_point=(TEST_POINT_V4,))
    started_ns = clock.monotonic_ns()
    with healthy.device.entered():
        looking = LoadedLook(targets, clock=clock, emit=events.append)
        for task in ("idle", "qualified_down", "qualified_down", "capacity_up"):
            looking.emit(PhaseStarted(task=task, expected_us=2_000_000))
            threading.Event().wait(0.1 if task == "idle" else 1.0)
            end = TaskEnd(task=task, started_offset_us=0, duration_us=1, ended=Ended.COMPLETED)
            looking.emit(PhaseEnded(end=end))
        path = looking.beside(diagnose_path(targets, clock=clock), started_ns)
    assert len(events) == 8, "all are passed on"
    family = next(each for each in path.families if each.family == 4)
    seen: list[Trace | Echoes] = [*family.traces, *family.echoes]
    for direction in Direction:
        own = [each for each in seen if each.under_load is direction]
        assert {(type(each), each.role) for each in own} == {
            (Trace, PathRole.TEST_POINT),
            (Echoes, PathRole.TEST_POINT),
            (Echoes, PathRole.GATEWAY),
        }
        for each in own:
            if isinstance(each, Echoes):
                assert 4 <= each.sent == each.answered <= 8, "of the 0.7 s that were left"
