"""Who is connected to a process, and when two devices with one key are seen."""

from __future__ import annotations

import pytest

from omega_core.units import US_PER_S
from omega_server.instructing.presence import GRACE_S, PresenceBook, is_twin
from support.instructions import INSTANCE, OTHER_INSTANCE, check_in, presence_row
from support.server_rig import Rig
from support.store_rows import NOW

ADDRESS = "192.0.2.17"


@pytest.mark.parametrize(
    ("known", "seen", "twin"),
    [
        pytest.param(None, presence_row(), False, id="never seen before"),
        pytest.param(presence_row(), presence_row(), False, id="the same daemon"),
        pytest.param(
            presence_row(starts=4),
            presence_row(instance=OTHER_INSTANCE, starts=5),
            False,
            id="the daemon was started again",
        ),
        pytest.param(
            presence_row(starts=4),
            presence_row(instance=OTHER_INSTANCE, starts=4),
            True,
            id="another one that counts the same",
        ),
        pytest.param(
            presence_row(starts=4),
            presence_row(instance=OTHER_INSTANCE, starts=3),
            True,
            id="one that counts less: a copy, or a disk that was set back",
        ),
    ],
)
def test_a_twin(known: object, seen: object, *, twin: bool) -> None:
    assert is_twin(known, seen) is twin  # type: ignore[arg-type]


def test_a_check_in_is_noted_and_told_once(rig: Rig) -> None:
    book, device = PresenceBook(), rig.enrolled()
    said = check_in(rig, device, wait_s=50)
    row = book.note(said, address=ADDRESS, now_unix_us=NOW, stored=None)
    assert row.connected_until_unix_us == NOW + (50 + GRACE_S) * US_PER_S
    assert book.known(row.agent_id, INSTANCE)
    assert not book.known(row.agent_id, OTHER_INSTANCE)
    assert book.take_changed() == [row]
    assert book.take_changed() == []


def test_what_the_store_did_not_take_is_told_again(rig: Rig) -> None:
    book, device = PresenceBook(), rig.enrolled()
    row = book.note(check_in(rig, device), address=ADDRESS, now_unix_us=NOW, stored=None)
    book.give_back(book.take_changed())
    assert book.take_changed() == [row]


def test_two_daemons_with_one_key_are_seen(rig: Rig) -> None:
    book, device = PresenceBook(), rig.enrolled()
    book.note(check_in(rig, device), address=ADDRESS, now_unix_us=NOW, stored=None)
    other = check_in(rig, device, instance=OTHER_INSTANCE)
    assert (
        book.note(other, address=ADDRESS, now_unix_us=NOW + 1, stored=None).seen_twice_unix_us
        == NOW + 1
    )
    again = book.note(other, address=ADDRESS, now_unix_us=NOW + 2, stored=None)
    assert again.seen_twice_unix_us == NOW + 1


def test_the_other_one_was_seen_by_another_process(rig: Rig) -> None:
    device = rig.enrolled()
    stored = presence_row(instance=OTHER_INSTANCE, starts=7)
    said = check_in(rig, device, starts=6)
    row = PresenceBook().note(said, address=ADDRESS, now_unix_us=NOW, stored=stored)
    assert row.seen_twice_unix_us == NOW


def test_who_hangs_up_is_gone(rig: Rig) -> None:
    book, device = PresenceBook(), rig.enrolled()
    row = book.note(check_in(rig, device), address=ADDRESS, now_unix_us=NOW, stored=None)
    book.gone(row, NOW + 5)
    assert book.take_changed()[0].connected_until_unix_us == NOW + 5


def test_who_hangs_up_after_a_newer_check_in_is_not(rig: Rig) -> None:
    book, device = PresenceBook(), rig.enrolled()
    first = book.note(check_in(rig, device), address=ADDRESS, now_unix_us=NOW, stored=None)
    second = book.note(check_in(rig, device), address=ADDRESS, now_unix_us=NOW + 1, stored=None)
    book.gone(first, NOW + 5)
    assert book.take_changed() == [second]


def test_who_has_long_been_away_is_forgotten_once_told(rig: Rig) -> None:
    book, device = PresenceBook(), rig.enrolled()
    row = book.note(check_in(rig, device), address=ADDRESS, now_unix_us=NOW, stored=None)
    book.forget(lambda _: True)
    assert book.known(row.agent_id, INSTANCE)
    book.take_changed()
    book.forget(lambda _: True)
    assert not book.known(row.agent_id, INSTANCE)
