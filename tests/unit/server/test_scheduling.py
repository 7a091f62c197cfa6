"""What agents are told to measure by themselves."""

from __future__ import annotations

from typing import Any

import pytest

from omega_core.envelope import PayloadType, keys_by_id, open_sealed, parse_envelope
from omega_core.instruction import CheckInAnswer
from omega_core.models import parse_model
from omega_core.verdict import Mode
from omega_server.addresses import Proved
from omega_server.instructing import roll, scheduling
from omega_server.instructing.scheduling import ScheduleView, ScheduleWish
from omega_server.refusals import Code, RefusalError
from support.builders import PLAN_ID
from support.instructions import check_in
from support.server_rig import AGENT_ADDRESS, SERVER_ADDRESS, Device, Rig

PROVED = Proved(AGENT_ADDRESS, SERVER_ADDRESS)


def begun(rig: Rig, **changes: Any) -> ScheduleView:  # noqa: ANN401 - fields of the wish
    fields: dict[str, Any] = {"by": "noc", "every_s": 3_600, "plan_id": PLAN_ID}
    return rig.services.schedules.begin(ScheduleWish(**{**fields, **changes}))


def told(rig: Rig, device: Device, holds: str | None = None) -> CheckInAnswer:
    """Return what an agent is answered that keeps the schedule of this name."""
    desk = rig.services.check_ins
    asked = check_in(rig, device, schedule_id=holds)
    sealed = desk.answer(asked, desk.find(asked), PROVED, return_spread_s=5, is_seen_twice=False)
    keys = keys_by_id([rig.services.key.public])
    payload = open_sealed(parse_envelope(sealed), PayloadType.CHECK_IN_ANSWER, keys)
    return parse_model(CheckInAnswer, payload)


def test_it_is_told_once_and_named_from_then_on(rig: Rig) -> None:
    device = rig.enrolled()
    assert (told(rig, device).schedule_id, told(rig, device).schedule) == (None, None)
    view = begun(rig)
    first, later = told(rig, device), told(rig, device, view.schedule_id)
    assert first.schedule is not None
    assert first.schedule_id == first.schedule.schedule_id == view.schedule_id
    assert (first.schedule.every_s, first.schedule.mode) == (3_600, Mode.QUICK)
    assert first.schedule.bytes_down > 0
    assert (later.schedule_id, later.schedule) == (view.schedule_id, None)


def test_the_newest_that_meets_an_agent_holds(rig: Rig) -> None:
    north, south = rig.enrolled(), rig.enrolled()
    roll.tag(rig.store, str(north.agent_id), ["north"], rig.clock.unix_us())
    of_all, of_north = begun(rig), begun(rig, tag="north", every_s=7_200)
    assert told(rig, north).schedule_id == of_north.schedule_id
    assert told(rig, south).schedule_id == of_all.schedule_id
    changed = begun(rig, every_s=1_800)
    assert {told(rig, each).schedule_id for each in (north, south)} == {changed.schedule_id}


def test_one_that_is_ended_is_not_named_any_more(rig: Rig) -> None:
    device, view = rig.enrolled(), begun(rig)
    ended = rig.services.schedules.end(view.schedule_id, "noc-2")
    assert (ended.is_in_force, ended.ended_by) == (False, "noc-2")
    assert told(rig, device, view.schedule_id).schedule_id is None
    assert rig.services.schedules.every().schedules == (ended,)
    assert scheduling.in_force(rig.store, str(device.agent_id)) is None


def test_only_agents_of_the_tag(rig: Rig) -> None:
    device = rig.enrolled()
    begun(rig, tag="north")
    assert told(rig, device).schedule_id is None


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda rig: begun(rig, plan_id="NONE"), Code.PLAN_UNKNOWN, id="no such plan"),
        pytest.param(
            lambda rig: rig.services.schedules.end("s-9", "noc"),
            Code.SCHEDULE_UNKNOWN,
            id="no such schedule",
        ),
    ],
)
def test_what_is_not_known(rig: Rig, call: Any, code: Code) -> None:  # noqa: ANN401 - a call
    with pytest.raises(RefusalError) as refusal:
        call(rig)
    assert refusal.value.code is code
