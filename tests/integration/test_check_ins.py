"""Waiting agents and those who tell them what to do, over HTTP: a real server, real sockets."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from omega_core.instruction import CheckInAnswer
from omega_core.limits import CHECK_INS_PER_S
from omega_server.instructing import suppressing
from omega_server.instructing.wishes import SuppressionWish
from support.instructions import (
    CLERK,
    diagnosed_ticket,
    instructions_in,
    opened,
    report,
    sealed_check_in,
    sealed_report,
    wish,
)
from support.live_server import listening
from support.server_rig import Device, Rig, make_rig

SOON_S = 3  # far below what was waited for, far above what a loaded machine needs
WAIT_S = 20


@pytest.fixture
def rig(tmp_path: Any) -> Iterator[Rig]:  # noqa: ANN401 - pytest's path
    with make_rig(tmp_path / "data") as rig:
        yield rig


@pytest.fixture
def url(rig: Rig) -> Iterator[str]:
    with listening(rig) as url:
        yield url


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def said(rig: Rig, url: str, device: Device, **changes: Any) -> CheckInAnswer:  # noqa: ANN401 - fields of the check-in
    """Check in, and wait for the answer."""
    data = sealed_check_in(rig, device, **changes)
    answer = httpx.post(f"{url}/v1/check-ins", content=data, timeout=WAIT_S + 10)
    assert answer.status_code == 200, answer.text
    return opened(rig, answer.content)


def waiting(
    pool: ThreadPoolExecutor,
    rig: Rig,
    url: str,
    device: Device,
    *,
    count: int = 1,
    holding: tuple[str, ...] = (),
) -> Future[CheckInAnswer]:
    """Check in, in a thread; return once the server holds it."""
    future = pool.submit(said, rig, url, device, wait_s=WAIT_S, holding=holding)
    deadline = time.monotonic() + WAIT_S
    while rig.services.hub.held < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return future


def operated(rig: Rig, url: str, method: str, path: str, body: Any = None) -> httpx.Response:  # noqa: ANN401 - JSON
    bearer = {"Authorization": f"Bearer {rig.services.operator_token}"}
    content = None if body is None else json.dumps(body).encode()
    return httpx.request(method, f"{url}{path}", content=content, headers=bearer)


def test_with_nothing_to_do_the_answer_comes_in_the_end(rig: Rig, url: str) -> None:
    started = time.monotonic()
    answer = said(rig, url, rig.enrolled(), wait_s=1)
    assert 1 <= time.monotonic() - started < 1 + SOON_S
    assert (answer.instructions, answer.withdrawn, answer.suppression) == ((), (), None)


def test_what_a_clerk_wants_arrives_at_once(rig: Rig, url: str, pool: ThreadPoolExecutor) -> None:
    ticket_id, device = diagnosed_ticket(rig)
    future = waiting(pool, rig, url, device)
    made = operated(rig, url, "POST", f"/v1/tickets/{ticket_id}/diagnosis", {"by": CLERK})
    assert made.status_code == 201
    assert made.json()["is_connected"] in {True, False}
    (told,) = instructions_in(rig, future.result(SOON_S))
    assert told.instruction_id == made.json()["instruction_id"]


def test_what_another_process_has_written_arrives_too(
    rig: Rig, url: str, pool: ThreadPoolExecutor
) -> None:
    ticket_id, device = diagnosed_ticket(rig)
    future = waiting(pool, rig, url, device)
    view = rig.services.desk.issue(wish(ticket_id=ticket_id))  # nobody wakes the hub
    (told,) = instructions_in(rig, future.result(SOON_S))
    assert told.instruction_id == view.instruction_id


def test_what_was_issued_before_is_there(rig: Rig, url: str) -> None:
    ticket_id, device = diagnosed_ticket(rig)
    rig.services.desk.issue(wish(ticket_id=ticket_id))
    started = time.monotonic()
    assert said(rig, url, device, wait_s=WAIT_S).instructions
    assert time.monotonic() - started < SOON_S


def test_nobody_else_is_woken(rig: Rig, url: str, pool: ThreadPoolExecutor) -> None:
    ticket_id, device = diagnosed_ticket(rig)
    other = waiting(pool, rig, url, rig.enrolled())
    mine = waiting(pool, rig, url, device, count=2)
    rig.services.desk.issue(wish(ticket_id=ticket_id))
    assert mine.result(SOON_S).instructions
    assert not other.done()
    suppressing.suppress(rig.store, SuppressionWish(by=CLERK, reason="end of the test"), 0)
    other.result(SOON_S)


def test_what_is_withdrawn_is_told_at_once(rig: Rig, url: str, pool: ThreadPoolExecutor) -> None:
    ticket_id, device = diagnosed_ticket(rig)
    name = rig.services.desk.issue(wish(ticket_id=ticket_id)).instruction_id
    said(rig, url, device, wait_s=1, holding=(name,))  # what issuing it has woken
    future = waiting(pool, rig, url, device, holding=(name,))
    body = {"by": CLERK, "reason": "hung up"}
    gone = operated(rig, url, "POST", f"/v1/instructions/{name}/withdrawal", body)
    assert (gone.status_code, gone.json()["state"]) == (200, "withdrawn")
    assert future.result(SOON_S).withdrawn == (name,)


def test_a_suppression_is_told_at_once_and_lifted(
    rig: Rig, url: str, pool: ThreadPoolExecutor
) -> None:
    device = rig.enrolled()
    operated(rig, url, "PUT", f"/v1/agents/{device.agent_id}/tags", {"tags": ["north"]})
    said(rig, url, device, wait_s=1)  # what the tags have woken
    future = waiting(pool, rig, url, device)
    body = {"by": CLERK, "reason": "planned work", "tag": "north", "stop_running": True}
    made = operated(rig, url, "POST", "/v1/suppressions", body)
    assert made.status_code == 201
    told = future.result(SOON_S).suppression
    assert told is not None
    assert told.reason == "planned work"
    name = made.json()["suppression_id"]
    lifted = operated(rig, url, "POST", f"/v1/suppressions/{name}/lifting", {"by": CLERK})
    assert not lifted.json()["is_in_force"]
    assert said(rig, url, device).suppression is None
    listed = operated(rig, url, "GET", "/v1/suppressions").json()["suppressions"]
    assert [each["suppression_id"] for each in listed] == [name]


def test_two_clerks_press_at_once(rig: Rig, url: str, pool: ThreadPoolExecutor) -> None:
    ticket_id, _ = diagnosed_ticket(rig)
    path = f"/v1/tickets/{ticket_id}/diagnosis"

    def press(number: int) -> httpx.Response:
        return operated(rig, url, "POST", path, {"by": f"clerk-{number}"})

    answers = list(pool.map(press, range(8)))
    assert sorted(each.status_code for each in answers) == [200] * 7 + [201]
    assert len({each.json()["instruction_id"] for each in answers}) == 1


def test_a_report_is_taken_once_and_answered_again(rig: Rig, url: str) -> None:
    ticket_id, device = diagnosed_ticket(rig)
    view = rig.services.desk.issue(wish(ticket_id=ticket_id))
    data = sealed_report(device, report(view))
    for _ in range(2):
        answer = httpx.post(f"{url}/v1/instruction-reports", content=data)
        assert (answer.status_code, answer.json()["state"]) == (200, "accepted")
    shown = operated(rig, url, "GET", f"/v1/instructions/{view.instruction_id}").json()
    assert [each["state"] for each in shown["events"]] == ["issued", "accepted"]


def test_who_hangs_up_is_let_go(rig: Rig, url: str) -> None:
    device = rig.enrolled()
    data = sealed_check_in(rig, device, wait_s=WAIT_S)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{url}/v1/check-ins", content=data, timeout=0.5)
    deadline = time.monotonic() + SOON_S
    while rig.services.hub.held:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (row,) = rig.services.hub.book.take_changed()
    assert row.connected_until_unix_us == rig.clock.unix_us()


def test_the_roll_is_called(rig: Rig, url: str) -> None:
    device = rig.enrolled()
    said(rig, url, device)
    rig.store.presence.seen(rig.services.hub.book.take_changed())
    view = operated(rig, url, "GET", "/v1/agents").json()
    assert view["connected"] == 1
    assert view["agents"][0]["address"] == "127.0.0.1"


def test_more_than_are_taken_in_a_moment_are_told_when_to_come_back(rig: Rig, url: str) -> None:
    device, answers = rig.enrolled(), []
    data = sealed_check_in(rig, device)
    with httpx.Client() as client:
        for _ in range(CHECK_INS_PER_S // 4 + 10):  # the rig's clock stands still
            answers.append(client.post(f"{url}/v1/check-ins", content=data))  # noqa: PERF401 - one by one
    refused = [each for each in answers if each.status_code == 503]
    assert 8 <= len(refused) <= 10
    assert all(int(each.headers["Retry-After"]) >= 1 for each in refused)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param("/v1/check-ins", b"garbage", 400, id="no envelope"),
        pytest.param("/v1/check-ins", b"", 400, id="nothing"),
        pytest.param("/v1/instruction-reports", b"{}", 400, id="an empty object"),
        pytest.param("/v1/instructions", b"{}", 401, id="without the operator's token"),
    ],
)
def test_bad_input(url: str, path: str, body: bytes, status: int) -> None:
    assert httpx.post(f"{url}{path}", content=body).status_code == status


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({}, "schema_invalid", id="nothing"),
        pytest.param({"by": CLERK}, "schema_invalid", id="for nobody"),
        pytest.param({"by": CLERK, "agent_id": "MA-9"}, "agent_unknown", id="no such agent"),
        pytest.param({"by": "A B", "agent_id": "MA-9"}, "schema_invalid", id="no name"),
        pytest.param({"by": CLERK, "agent_id": "MA-9", "mode": "x"}, "schema_invalid", id="mode"),
        pytest.param([], "schema_invalid", id="a list"),
    ],
)
def test_bad_wishes(rig: Rig, url: str, body: Any, code: str) -> None:  # noqa: ANN401 - JSON
    answer = operated(rig, url, "POST", "/v1/instructions", body)
    assert answer.json()["code"] == code


def test_a_server_that_stops_lets_everybody_go(rig: Rig) -> None:
    device = rig.enrolled()
    got: list[CheckInAnswer | Exception] = []

    def ask(url: str) -> None:
        try:
            got.append(said(rig, url, device, wait_s=WAIT_S))
        except (httpx.TransportError, AssertionError) as error:
            got.append(error)

    with listening(rig) as url:
        thread = threading.Thread(target=ask, args=(url,))
        thread.start()
        while not rig.services.hub.held:
            time.sleep(0.01)
        started = time.monotonic()
    thread.join(WAIT_S)
    assert time.monotonic() - started < WAIT_S
    assert len(got) == 1
