"""The real Request Tracker, from Debian's packages: what the stand-in only claims."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from omega_core.clock import SystemClock
from omega_server.connectors.errors import StoppedError
from omega_server.connectors.http_door import Door
from omega_server.connectors.request_tracker import RequestTracker
from support.courier_trial import diagnostic, digest_of
from support.request_tracker import NoRequestTrackerError, RequestTrackerPlace, running_rt

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def rt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RequestTrackerPlace]:
    try:
        with running_rt(tmp_path_factory.mktemp("rt")) as place:
            yield place
    except NoRequestTrackerError as error:
        pytest.skip(str(error))


def system(rt: RequestTrackerPlace, token: str | None = None) -> RequestTracker:
    headers = {"Authorization": f"token {token or rt.token}"}
    return RequestTracker(
        door=Door(base=rt.url, headers=headers, clock=SystemClock()), language="fr"
    )


def asked(rt: RequestTrackerPlace, path: str) -> Any:  # noqa: ANN401 - JSON
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{rt.url}/REST/2.0/{path}", headers={"Authorization": f"token {rt.token}"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def test_a_diagnostic_is_posted_with_its_file_and_found_by_its_mark(
    rt: RequestTrackerPlace,
) -> None:
    mine, number, one = system(rt), rt.new_ticket(), diagnostic(1)
    mine.check()
    assert not mine.find(number, one).note
    mine.post(number, one, mine.find(number, one))
    assert mine.find(number, one).note
    assert not mine.find(number, diagnostic(2)).note
    attachments = asked(rt, f"ticket/{number}/attachments?fields=Filename&per_page=100")["items"]
    names = [each["Filename"] for each in attachments if each["Filename"]]
    assert names == [f"omega-{digest_of(1)[:12]}.json"]


def test_a_mark_is_found_on_every_page_of_a_history(rt: RequestTrackerPlace) -> None:
    mine, number = replace(system(rt), per_page=3), rt.new_ticket()
    for at in range(4):
        mine.post(number, diagnostic(at), mine.find(number, diagnostic(at)))
    assert asked(rt, f"ticket/{number}/history?per_page=3")["pages"] > 1
    assert all(mine.find(number, diagnostic(at)).note for at in range(4))
    assert not mine.find(number, diagnostic(4)).note


def test_a_wrong_token_and_an_unknown_ticket_stop(rt: RequestTrackerPlace) -> None:
    with pytest.raises(StoppedError) as told:
        system(rt, "1-14-0123456789abcdef0123456789abcdef").check()
    assert told.value.code == "not_authorised"
    mine, one = system(rt), diagnostic(1)
    with pytest.raises(StoppedError) as told:
        mine.post("999999", one, mine.find("999999", one))
    assert told.value.code == "refused", str(told.value)  # 422, and an empty history before it
