"""Windows become records, once each, whatever the disk does and wherever the power goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_agent.availability.book import Author, WatchBook
from omega_agent.availability.journal import AvailabilityJournal, Closing, Moment, Window
from omega_agent.outbox import MemoryOutbox
from omega_core.availability import Attempts, Gap, Unwatched
from omega_core.availability_record import AvailabilityRecord
from omega_core.envelope import PayloadType, open_sealed, parse_envelope
from omega_core.errors import StorageError
from omega_core.models import parse_model
from omega_probe.availability_tracker import Standing
from support import builders

KEY = builders.key_of("agent")
AUTHOR = Author(key=KEY, agent_id="cpe-1", software="omega test")
AT = Moment(boot_id="boot", at_us=5, boottime_ns=1_000, clock_step_us=0)
FIRST = Window(
    seq=0, prev=None, test_point="tp-1", started_us=5, standing=Standing(reached_us=5), at=AT
)
STANDING = Standing(reached_us=50, good_us=50, attempts=Attempts(answered=3))
CLOSING = Closing(ended_us=50, closed="day", clock_step_us=0, software="omega test")


def gap(started_us: int) -> Gap:
    return Gap(started_us=started_us, ended_us=started_us + 1, cause=Unwatched.STALLED)


class FullDisk(MemoryOutbox):
    """An outbox that takes nothing while its disk is full."""

    is_full = False

    def put(self, record_id: str, content: bytes) -> None:
        if self.is_full:
            raise StorageError("no space left on device")
        super().put(record_id, content)


class FullJournal(AvailabilityJournal):
    """A journal whose disk is full from some moment on, for some kind of line."""

    refuses = ""

    def add(self, *arguments: object, **more: object) -> None:
        self._refuse("add")
        super().add(*arguments, **more)  # type: ignore[arg-type]

    def close(self, closing: Closing) -> None:
        self._refuse("close")
        super().close(closing)

    def begin(self, window: Window) -> None:
        self._refuse("begin")
        super().begin(window)

    def _refuse(self, what: str) -> None:
        if self.refuses == what:
            raise StorageError("no space left on device")


@pytest.fixture
def journal(tmp_path: Path) -> FullJournal:
    return FullJournal(tmp_path / "journal")


@pytest.fixture
def outbox() -> FullDisk:
    return FullDisk()


def begun(journal: AvailabilityJournal, outbox: MemoryOutbox) -> WatchBook:
    book = WatchBook(AUTHOR, journal, outbox)
    assert book.resumed is None
    book.begin(FIRST)
    return book


def records(outbox: MemoryOutbox) -> list[AvailabilityRecord]:
    keys = {KEY.public.kid: KEY.public}
    payloads = [
        open_sealed(parse_envelope(each.content), PayloadType.AVAILABILITY, keys)
        for each in outbox.pending()
    ]
    return [parse_model(AvailabilityRecord, each) for each in payloads]


def test_a_window_becomes_a_record_and_the_next_names_it(
    journal: FullJournal, outbox: FullDisk
) -> None:
    book = begun(journal, outbox)
    book.note([gap(10)])
    digest = book.close(STANDING, AT, CLOSING)
    (record,) = records(outbox)
    assert record.watched.gaps == (gap(10),)
    assert (book.window.seq, book.window.prev, book.window.started_us) == (1, digest, 50)
    kept = journal.load()
    assert kept is not None
    assert (kept.window, kept.over) == (book.window, [])


def test_what_the_disk_did_not_take_is_written_with_the_next_line(
    journal: FullJournal, outbox: FullDisk
) -> None:
    book = begun(journal, outbox)
    journal.refuses = "add"
    book.note([gap(10)])
    with pytest.raises(StorageError):
        book.write(STANDING, AT)
    seen = [book.is_behind]
    journal.refuses = ""
    book.note([gap(20)])
    book.write(STANDING, AT)
    assert [*seen, book.is_behind] == [True, False]
    kept = journal.load()
    assert kept is not None
    assert kept.over == [gap(10), gap(20)]


@pytest.mark.parametrize("refused", ["add", "close"])
def test_a_window_that_cannot_be_closed_goes_on(
    journal: FullJournal, outbox: FullDisk, refused: str
) -> None:
    book = begun(journal, outbox)
    book.note([gap(10)])
    journal.refuses = refused
    with pytest.raises(StorageError):
        book.close(STANDING, AT, CLOSING)
    assert (book.window.seq, records(outbox)) == (0, [])
    journal.refuses = ""
    book.note([gap(20)])
    book.close(STANDING, AT, CLOSING)
    (record,) = records(outbox)
    assert record.watched.gaps == (gap(10), gap(20))


@pytest.mark.parametrize("again", [False, True], ids=["it goes on", "it is started again"])
@pytest.mark.parametrize("refused", ["the keeper", "begin"])
def test_a_closed_window_is_one_record_however_late_the_disk_takes_it(
    journal: FullJournal, outbox: FullDisk, refused: str, *, again: bool
) -> None:
    book = begun(journal, outbox)
    book.note([gap(10)])
    outbox.is_full = refused == "the keeper"
    journal.refuses = refused
    with pytest.raises(StorageError):
        book.close(STANDING, AT, CLOSING)
    assert book.window.seq == 1
    if again:
        book = WatchBook(AUTHOR, journal, outbox)
        assert book.resumed is not None
    with pytest.raises(StorageError):
        book.write(STANDING, AT)
    outbox.is_full, journal.refuses = False, ""
    book.note([gap(60)])
    book.write(STANDING, AT)
    (first,) = records(outbox)
    assert (first.seq, first.watched.gaps) == (0, (gap(10),))
    kept = journal.load()
    assert kept is not None
    assert (kept.window.seq, kept.window.prev, kept.over) == (1, book.window.prev, [gap(60)])


def test_a_window_in_which_nothing_was_decided_can_name_another_test_point(
    journal: FullJournal, outbox: FullDisk
) -> None:
    book = begun(journal, outbox)
    book.move_to("tp-2")
    kept = journal.load()
    assert kept is not None
    assert kept.window.test_point == book.window.test_point == "tp-2"
