"""Leave to watch is asked for, kept and renewed; only the server's own answer is a witness."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_agent.availability.leave import Allowed, Leave
from omega_agent.errors import NoAnswerError
from omega_core import limits
from omega_core.clock import SystemClock
from omega_core.keys import SigningKey
from support import builders
from support.grantor import LocalGrantor

AGENT = builders.key_of("agent")
SERVER = builders.key_of("server")
TEST_POINT = builders.key_of("test point")
ADDRESS = "192.0.2.7"
SOON_S = 5
ASKED_US = 7_000_000
WITHIN_US = 2_000_000
SILENT = NoAnswerError("no_answer", server="https://omega.example", why="away")


@pytest.fixture
def grantor() -> LocalGrantor:
    return LocalGrantor(SERVER, TEST_POINT.public)


def leave_of(
    folder: Path,
    grantor: LocalGrantor,
    within: Callable[[tuple[str, ...]], tuple[str, ...]] = lambda found: found,
) -> Leave:
    return Leave(
        "MA-000001",
        AGENT,
        SERVER.public,
        folder / "grant",
        grantor.connect,
        find=lambda _: (ADDRESS,),
        within=within,
        clock=SystemClock(),
        rng=random.Random(1),  # noqa: S311 - draws pauses
    )


def wait_until(condition: Callable[[], object]) -> None:
    until_s = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.005)


def told(leave: Leave, now_us: int = ASKED_US) -> list[tuple[int, bool]]:
    """Return what came of a question that was just asked."""
    found: list[tuple[int, bool]] = []

    def come() -> bool:
        found.extend(leave.told(now_us))
        return bool(found)

    wait_until(come)
    return found


def allowed(leave: Leave) -> Allowed:
    assert leave.allowed is not None
    return leave.allowed


def test_it_is_asked_for_once_and_kept(tmp_path: Path, grantor: LocalGrantor) -> None:
    leave = leave_of(tmp_path, grantor)
    assert leave.allowed is None
    leave.renew()
    wait_until(lambda: leave.allowed)
    leave.renew()
    again = leave_of(tmp_path, grantor)
    again.renew()
    assert allowed(again).client.grant == allowed(leave).client.grant
    assert allowed(again).addresses == (ADDRESS,)
    assert len(grantor.asked) == 1


def test_an_old_one_is_renewed_and_used_meanwhile(tmp_path: Path, grantor: LocalGrantor) -> None:
    class Later(SystemClock):
        def unix_us(self) -> int:
            return super().unix_us() + limits.STANDING_GRANT_LIFE_S * 1_000_000 // 4

    grantor.life_s = limits.STANDING_GRANT_LIFE_S
    first = leave_of(tmp_path, grantor)
    first.renew()
    wait_until(lambda: first.allowed)
    grantor.error = SILENT
    leave = Leave(
        "MA-000001",
        AGENT,
        SERVER.public,
        tmp_path / "grant",
        grantor.connect,
        find=lambda _: (ADDRESS,),
        clock=Later(),
        rng=random.Random(1),  # noqa: S311 - draws pauses
    )
    leave.renew()
    wait_until(lambda: leave.error)
    assert leave.allowed is not None
    leave.renew()  # not before a pause
    assert len(grantor.asked) == 2


def test_the_servers_answer_is_a_witness(tmp_path: Path, grantor: LocalGrantor) -> None:
    leave = leave_of(tmp_path, grantor)
    leave.ask(ASKED_US, WITHIN_US)
    assert told(leave) == [(ASKED_US, True)]
    assert leave.told(ASKED_US) == []


def test_an_answer_whose_packets_were_sent_twice_is_no_witness(
    tmp_path: Path, grantor: LocalGrantor
) -> None:
    leave = leave_of(tmp_path, grantor)
    leave.ask(ASKED_US, 0)
    wait_until(lambda: leave.allowed)
    leave.ask(2 * ASKED_US, WITHIN_US)
    assert told(leave, 2 * ASKED_US) == [(2 * ASKED_US, True)], "nothing is told of the first"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param({"error": SILENT}, id="nobody answers"),
        pytest.param({"key": SigningKey.generate()}, id="another key signs"),
        pytest.param({"nonce": "x" * 16}, id="it was said before"),
    ],
)
def test_nobody_elses_answer_is(
    tmp_path: Path, grantor: LocalGrantor, spoil: dict[str, object]
) -> None:
    for name, value in spoil.items():
        setattr(grantor, name, value)
    leave = leave_of(tmp_path, grantor)
    leave.ask(ASKED_US, WITHIN_US)
    assert told(leave) == [(ASKED_US, False)]
    assert leave.allowed is None
    assert leave.error is not None


def test_a_damaged_grant_is_asked_for_anew(tmp_path: Path, grantor: LocalGrantor) -> None:
    (tmp_path / "grant").write_bytes(b"{")
    leave = leave_of(tmp_path, grantor)
    assert leave.allowed is None
    leave.renew()
    wait_until(lambda: leave.allowed)


def test_where_no_name_is_resolved_the_addresses_of_before_serve(
    tmp_path: Path, grantor: LocalGrantor
) -> None:
    found: list[tuple[str, ...]] = [(ADDRESS, "2001:db8::7"), ()]
    leave = Leave(
        "MA-000001",
        AGENT,
        SERVER.public,
        tmp_path / "grant",
        grantor.connect,
        find=lambda _: found.pop(0),
        clock=SystemClock(),
        rng=random.Random(1),  # noqa: S311 - draws pauses
    )
    for _ in range(2):
        leave.ask(ASKED_US, WITHIN_US)
        assert told(leave) == [(ASKED_US, True)]
    assert leave.allowed is not None
    assert leave.allowed.addresses == (ADDRESS, "2001:db8::7")
    assert leave_of(tmp_path, grantor).allowed is not None


def test_addresses_of_before_that_the_owner_does_not_allow_any_more_do_not_serve(
    tmp_path: Path, grantor: LocalGrantor
) -> None:
    leave = leave_of(tmp_path, grantor)
    leave.ask(ASKED_US, WITHIN_US)
    assert told(leave) == [(ASKED_US, True)]
    again = leave_of(tmp_path, grantor, lambda _: ())
    assert again.allowed is not None
    assert again.allowed.addresses == ()
    again.ask(ASKED_US, WITHIN_US)
    assert told(again) == [(ASKED_US, True)]
    assert again.allowed.addresses == ()


def test_a_disk_that_is_full_costs_a_question_at_the_next_start(
    tmp_path: Path, grantor: LocalGrantor
) -> None:
    leave = leave_of(tmp_path / "missing", grantor)
    leave.ask(ASKED_US, WITHIN_US)
    assert told(leave) == [(ASKED_US, True)]
    assert leave.allowed is not None
    assert leave_of(tmp_path / "missing", grantor).allowed is None
