"""What the host keeps of its own load, and what operators are told of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from omega_core.control import GrantLimits
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_server.metrics import ServerMetrics
from omega_server.testpoint.admission import Admission, BothWays
from omega_server.testpoint.children import RunKey
from omega_server.testpoint.codes import Code, RefusalError
from omega_server.testpoint.grants import CheckedGrant
from omega_server.testpoint.links import LinkMeter
from omega_server.testpoint.metrics import WatchCollector
from omega_server.testpoint.watch import LOOK_NS, Kind, LoadWatch
from support.builders import AGENT_ADDRESS, SECRET, grant

MBIT = 1_000_000
KEY = RunKey(0, 1)
OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


def watching(*, capacity: int | None = 100 * MBIT, counts_loopback: bool = True) -> LoadWatch:
    admission = Admission(capacity_bps=capacity, sessions_max=64)
    return LoadWatch(admission, LinkMeter({}), counts_loopback=counts_loopback, now_ns=0)


def checked(name: str, rate_bps: int | None = 60 * MBIT) -> CheckedGrant:
    limits = GrantLimits(
        bytes_down=1, bytes_up=1, duration_s=30, rate_bps_down=rate_bps, rate_bps_up=None
    )
    content = grant(session_id=name, limits=limits)
    return CheckedGrant(content, name, SECRET, frozenset(content.addresses))


def come(watch: LoadWatch, name: str, peer: str = AGENT_ADDRESS) -> None:
    newcomer = watch.newcomer(checked(name), peer=peer, now_ns=0)
    watch.check_room(newcomer, now_ns=0)
    watch.came(newcomer, now_ns=0)


def test_the_grant_says_what_a_session_commits_and_until_when() -> None:
    newcomer = watching().newcomer(checked("s"), peer=AGENT_ADDRESS, now_ns=NS_PER_S)
    assert (newcomer.down_bps, newcomer.up_bps) == (60 * MBIT, None)
    assert newcomer.until_ns == (1 + 30 + 5) * NS_PER_S


def test_who_has_no_room_is_counted_and_told_when_to_come_back() -> None:
    watch = watching()
    come(watch, "a")
    with pytest.raises(RefusalError) as refused:
        come(watch, "b")
    assert refused.value.code is Code.BUSY
    assert refused.value.message.retry_after_s == 35
    assert (watch.tally.sessions, watch.tally.busy) == (1, {"rate": 1})
    watch.left("a")
    come(watch, "b")


@pytest.mark.parametrize(
    ("peer", "counts_loopback", "committed"),
    [
        pytest.param("127.0.0.1", False, 0, id="no link is crossed"),
        pytest.param("::1", False, 0, id="nor by IPv6"),
        pytest.param("127.0.0.1", True, 60 * MBIT, id="the operator has said what counts"),
        pytest.param(AGENT_ADDRESS, False, 60 * MBIT, id="over a link"),
    ],
)
def test_sessions_of_the_host_itself(peer: str, counts_loopback: bool, committed: int) -> None:  # noqa: FBT001 - a table's column
    watch = watching(counts_loopback=counts_loopback)
    come(watch, "a", peer)
    assert watch.admission.committed.down == committed


def test_octets_are_counted_once_whatever_is_told_how_often() -> None:
    watch = watching()
    come(watch, "a")
    watch.began(KEY, "a", Kind.TCP)
    for received, sent in ((10, 1_000), (20, 3_000), (20, 3_000)):
        watch.moved(KEY, received, sent)
    watch.ended(KEY, 25, 4_000, host_drops=2)
    watch.moved(KEY, 99, 9_999)  # told before it ended, heard after
    assert (watch.tally.octets_in[Kind.TCP], watch.tally.octets_out[Kind.TCP]) == (25, 4_000)
    assert (watch.tally.runs[Kind.TCP], watch.tally.host_drops) == (1, 2)


def test_a_run_of_a_session_that_has_left_is_counted_all_the_same() -> None:
    watch = watching()
    come(watch, "a")
    watch.began(KEY, "a", Kind.UDP)
    watch.left("a")
    watch.ended(KEY, 7, 8)
    assert (watch.tally.octets_in[Kind.UDP], watch.tally.octets_out[Kind.UDP]) == (7, 8)


def test_a_sample_every_hundred_milliseconds() -> None:
    watch = watching()
    come(watch, "a")
    watch.began(KEY, "a", Kind.TCP)
    assert watch.look(LOOK_NS - 1) is None
    first = watch.look(LOOK_NS)
    assert first is not None
    assert (first.sessions, first.committed_bps, first.moved_bps) == (1, 60 * MBIT, 0)
    watch.moved(KEY, 0, MBIT)
    sample = watch.look(LOOK_NS + 50 * NS_PER_MS, last=True)
    assert sample is not None
    assert 0 < sample.moved_bps < 160 * MBIT, "a burst, smoothed"
    assert watch.newest == sample


def test_the_documents_name_every_counter_and_no_other() -> None:
    watch = watching()
    watch.newest = replace(watch.newest, nic_busy_ppm=1)
    told = set(re.findall(r"^# TYPE (\w+) ", ServerMetrics().text().decode(), re.MULTILINE))
    told = {name for name in told if not name.endswith("_created")}
    for metric in WatchCollector(watch).collect():
        told.add(f"{metric.name}_total" if metric.type == "counter" else metric.name)
    section = OPERATIONS.read_text("utf-8").partition("## Counters")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(omega_\w+)`", section)) == told


def test_what_was_committed_stands_beside_what_is_moved() -> None:
    watch = watching(capacity=None)
    come(watch, "a")
    come(watch, "b")
    assert watch.admission.committed == BothWays(120 * MBIT, 40 * MBIT)
