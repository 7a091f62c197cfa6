"""The journal keeps what was whole, wherever a power cut falls."""

from __future__ import annotations

from pathlib import Path

from omega_agent.availability.journal import (
    AvailabilityJournal,
    Closing,
    Moment,
    Window,
    replayed,
)
from omega_core.availability import Attempts, Gap, SeenOutage, Unwatched
from omega_probe.availability_tracker import Standing

OUTAGE = SeenOutage(
    since_us=10, first_failed_us=11, last_failed_us=20, until_us=21, round_trip_us=1
)
GAP = Gap(started_us=30, ended_us=40, cause=Unwatched.SUSPENDED)
BEGUN = Moment(boot_id="boot", at_us=5, boottime_ns=1_000, clock_step_us=0)
MOMENT = Moment(boot_id="boot", at_us=50, boottime_ns=46_000, clock_step_us=-5)
STANDING = Standing(reached_us=50, good_us=50, attempts=Attempts(answered=3, failed=2))


def written(folder: Path) -> bytes:
    path = folder / "journal"
    journal = AvailabilityJournal(path)
    journal.begin(
        Window(
            seq=3,
            prev=None,
            test_point="tp-1",
            started_us=5,
            standing=Standing(reached_us=5),
            at=BEGUN,
        )
    )
    journal.add([OUTAGE], STANDING, MOMENT)
    journal.add([GAP], STANDING, MOMENT)
    journal.close(Closing(ended_us=50, closed="day", clock_step_us=0, software="omega test"))
    return path.read_bytes()


def test_a_cut_at_any_byte_loses_no_more_than_the_line_it_falls_in(tmp_path: Path) -> None:
    data = written(tmp_path)
    ends = [index + 1 for index, octet in enumerate(data) if octet == ord("\n")]
    for cut in range(len(data) + 1):
        (tmp_path / "journal").write_bytes(data[:cut])
        kept = AvailabilityJournal(tmp_path / "journal").load()
        lines = sum(end <= cut for end in ends)
        assert (tmp_path / "journal").stat().st_size == ([0, *ends][lines])
        assert (kept is None) == (lines == 0)
        if kept is not None:
            assert kept.over == [OUTAGE, GAP][: max(0, lines - 1)]
            assert kept.standing == (STANDING if lines > 1 else Standing(reached_us=5))
            assert (kept.closing is None) == (lines < 4)
            assert kept.at == (MOMENT if lines > 1 else BEGUN)


def test_what_was_written_after_a_cut_is_read_with_what_was_before(tmp_path: Path) -> None:
    data = written(tmp_path)
    path = tmp_path / "journal"
    path.write_bytes(data[: data.index(b"\n") + 9])
    journal = AvailabilityJournal(path)
    journal.load()
    journal.add([GAP], STANDING, MOMENT)
    kept = journal.load()
    assert kept is not None
    assert kept.over == [GAP]
    assert kept.at == MOMENT


def test_a_flipped_bit_ends_what_is_believed(tmp_path: Path) -> None:
    data = bytearray(written(tmp_path))
    second = data.index(b"\n") + 30
    data[second] ^= 1
    kept, octets = replayed(bytes(data))
    assert kept is not None
    assert kept.over == []
    assert octets == data.index(b"\n") + 1


def test_nothing_is_kept_where_there_is_no_file(tmp_path: Path) -> None:
    assert AvailabilityJournal(tmp_path / "none").load() is None
