"""Lines over real connections: an outage and a return on a line's page, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omega_core.availability import Gap, SeenOutage
from omega_server.api.application import create_app
from support.line_watch import DAY_S, LineWatch, at, gap, outage
from support.live_server import listening
from support.server_rig import Rig, digest_of, make_rig


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with make_rig(tmp_path_factory.mktemp("server")) as rig:
        yield rig


@pytest.fixture(scope="module")
def client(rig: Rig) -> Iterator[httpx.Client]:
    token = {"Authorization": f"Bearer {rig.services.operator_token}"}
    with (
        listening(rig) as url,
        httpx.Client(base_url=url, headers=token, trust_env=False) as client,
    ):
        yield client


def post(client: httpx.Client, watch: LineWatch, data: bytes) -> None:
    watch.lose(data)
    key = {"Idempotency-Key": digest_of(data)}
    answer = client.post("/v1/availability", content=data, headers=key)
    assert answer.status_code == 201, answer.text


def read(client: httpx.Client, path: str, **query: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def moment(second: int) -> str:
    return datetime.fromtimestamp(at(second) // 1_000_000, tz=UTC).isoformat()


def test_an_outage_and_a_return_show_on_the_lines_page(rig: Rig, client: httpx.Client) -> None:
    watch = LineWatch(rig, placed=False)
    path = f"/v1/lines/{watch.subscriber_ref}"
    assert read(client, path)["known_now"] == "nobody_watches"
    answer = client.put(
        f"/v1/agents/{watch.agent_id}/line", json={"subscriber_ref": watch.subscriber_ref}
    )
    assert answer.status_code == 200
    assert answer.json()["subscriber_ref"] == watch.subscriber_ref
    (mine,) = (
        each for each in read(client, "/v1/agents")["agents"] if each["agent_id"] == watch.agent_id
    )
    assert mine["subscriber_ref"] == watch.subscriber_ref

    post(client, watch, watch.sealed(0, DAY_S, outage(DAY_S - 50, None, last_s=DAY_S - 1)))
    line = read(client, path)
    assert line["known_now"] == "down_in_newest_record"
    assert line["last_outage"]["outage"]["until_unix_us"] is None

    events: list[SeenOutage | Gap] = [outage(DAY_S - 50, DAY_S + 70), gap(DAY_S + 100, DAY_S + 400)]
    post(client, watch, watch.sealed(DAY_S, 2 * DAY_S, *events))
    watch.check_in()
    line = read(client, path)
    assert line["known_now"] == "connected"
    assert line["last_outage"]["outage"]["until_unix_us"] == at(DAY_S + 70)

    seen = read(client, line["availability"], **{"from": moment(0), "to": at(2 * DAY_S)})
    assert (seen["outcome"], seen["is_plan_window"]) == ("pass", False)
    assert [each["until_unix_us"] for each in seen["outages"]] == [at(DAY_S + 70)]
    assert seen["unobserved"] == [{"cause": "rebooted", "unobserved_us": 300_000_000}]
    assert seen["agents"][0]["is_connected"] is True
    for each in seen["records"]:
        bundle = read(client, f"/v1/records/{each['digest']}")
        assert bundle["receipt"] is not None

    page = read(client, line["availability"], limit=1, **{"from": at(0), "to": at(2 * DAY_S)})
    assert (len(page["gaps"]), page["outages"]) == (1, [])
    rest = read(
        client,
        line["availability"],
        before=page["next_before_unix_us"],
        **{"from": at(0), "to": at(2 * DAY_S)},
    )
    assert rest["outages"] == seen["outages"]

    answer = client.put(f"/v1/agents/{watch.agent_id}/line", json={"subscriber_ref": None})
    assert answer.json()["subscriber_ref"] is None
    assert read(client, path)["known_now"] == "nobody_watches"


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        pytest.param("from=2&to=1", (422, "time_not_taken"), id="it ends before it begins"),
        pytest.param("from=0", (422, "time_not_taken"), id="half a century"),
        pytest.param("to=tomorrow", (422, "time_not_taken"), id="no moment"),
        pytest.param("to=2026-11-03T14:00", (422, "time_not_taken"), id="no zone"),
        pytest.param("to=1969-12-31T23:00Z", (422, "time_not_taken"), id="before 1970"),
        pytest.param("from=1970-01-01T00:00%2B05:00", (422, "time_not_taken"), id="just before"),
        pytest.param("to=9999-12-31T23:59-23:00", (422, "time_not_taken"), id="past all calendars"),
        pytest.param("before=-1", (422, "time_not_taken"), id="a page before all time"),
        pytest.param("to=9999999999999999", (422, "time_not_taken"), id="past all integers"),
        pytest.param("to=%C2%B2", (422, "time_not_taken"), id="a digit that is none"),
        pytest.param("limit=0", (422, "schema_invalid"), id="nothing listed"),
        pytest.param("limit=501", (422, "schema_invalid"), id="too much listed"),
    ],
)
def test_a_time_that_is_not_taken(
    rig: Rig, client: httpx.Client, query: str, refusal: tuple[int, str]
) -> None:
    ref = rig.subscriber().subscriber_ref
    assert refused(client.get(f"/v1/lines/{ref}/availability?{query}")) == refusal


def test_what_is_not_there_and_who_may_not_ask(rig: Rig, client: httpx.Client) -> None:
    watch = LineWatch(rig)
    for path in ("/v1/lines/S-none", "/v1/lines/S-none/availability"):
        assert refused(client.get(path)) == (404, "subscriber_unknown")
        assert refused(client.get(path, headers={"Authorization": "Bearer x"}))[0] == 401
    place = f"/v1/agents/{watch.agent_id}/line"
    assert refused(client.put(place, json={"subscriber_ref": "S-none"}))[0] == 404
    assert refused(client.put(place, json={}))[1] == "schema_invalid"
    assert refused(client.put(place, content=b"\xff"))[1] == "schema_invalid"
    unknown = client.put("/v1/agents/MA-9/line", json={"subscriber_ref": None})
    assert refused(unknown)[1] == "agent_unknown"
    body = {"subscriber_ref": watch.subscriber_ref}
    answer = client.put(place, json=body, headers={"Authorization": "Bearer x"})
    assert refused(answer)[0] == 401


def test_the_document_describes_the_calls(rig: Rig) -> None:
    paths = create_app(rig.services, insecure=False).openapi()["paths"]
    asked = paths["/v1/lines/{subscriber_ref}/availability"]["get"]
    names = {each["name"] for each in asked["parameters"]}
    assert names == {"subscriber_ref", "from", "to", "before", "limit", "sure_only"}
    assert "200" in paths["/v1/lines/{subscriber_ref}"]["get"]["responses"]
    assert "requestBody" in paths["/v1/agents/{agent_id}/line"]["put"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(
    query=st.dictionaries(
        st.sampled_from(["from", "to", "before", "limit", "sure_only"]),
        st.text(max_size=45) | st.integers(-(10**18), 10**18).map(str) | st.datetimes().map(str),
        max_size=4,
    )
)
def test_no_query_is_a_defect(rig: Rig, client: httpx.Client, query: dict[str, str]) -> None:
    watch = getattr(rig, "watch", None) or LineWatch(rig)
    rig.watch = watch  # type: ignore[attr-defined]  # one line for all examples
    answer = client.get(f"/v1/lines/{watch.subscriber_ref}/availability", params=query)
    assert answer.status_code in {200, 422}, answer.text


def test_other_lists_of_records_know_what_an_availability_record_is(
    rig: Rig, client: httpx.Client
) -> None:
    watch = LineWatch(rig)
    digest = watch.post(0, 100)
    tests = "/tmf-api/serviceTestManagement/v4/serviceTest"
    listed = client.get(tests)
    assert (listed.status_code, listed.headers["x-total-count"]) == (200, "0")
    assert refused(client.get(f"{tests}/{digest}")) == (404, "record_unknown")
