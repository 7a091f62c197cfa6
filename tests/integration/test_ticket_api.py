"""A ticket's whole life over real connections; every forbidden step refused with its reason."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omega_core.keys import PublicKey
from omega_server.api.application import create_app
from omega_server.ticket_life.entries import STEPS
from omega_server.ticket_package import check_package
from support.json_schema import fits
from support.live_server import listening
from support.server_rig import Rig, make_rig
from support.ticket_story import DAY_US, TicketStory, bad_evidence, good_evidence
from support.tmf_schemas import SERVICE_TEST, TROUBLE_TICKET

ANA = {"name": "Ana", "level": 1}
TESSA = {"name": "Tessa", "level": 3}
TICKETS_621 = "/tmf-api/troubleTicket/v5/troubleTicket"
TESTS_653 = "/tmf-api/serviceTestManagement/v4/serviceTest"
JSON_PATCH = {"Content-Type": "application/json-patch+json"}
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


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


class Clerk:
    """Somebody at the helpdesk, working on one ticket over the interface."""

    def __init__(self, rig: Rig, client: httpx.Client) -> None:
        self.story = TicketStory(rig)
        self._client = client
        opened = client.post(
            "/v1/tickets",
            json={
                "subscriber_ref": self.story.subscriber_ref,
                "description": "c'est lent le soir",
                "actor": ANA,
            },
        )
        assert opened.status_code == 201
        self.ticket_id = self.story.ticket_id = opened.json()["ticket_id"]

    def post(
        self,
        step: str,
        actor: dict[str, Any] = ANA,
        **entry: Any,  # noqa: ANN401 - JSON
    ) -> httpx.Response:
        self.story.pass_s(60)
        body = {"actor": actor, "entry": entry}
        return self._client.post(f"/v1/tickets/{self.ticket_id}/{step}", json=body)

    def done(self, step: str, actor: dict[str, Any] = ANA, **entry: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        answer = self.post(step, actor, **entry)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def refused(self, step: str, guard: str, actor: dict[str, Any] = ANA, **entry: Any) -> None:  # noqa: ANN401 - JSON
        answer = self.post(step, actor, **entry)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, "ticket_step")
        assert problem["detail"].startswith(f"{guard}: ")
        assert ";" in problem["detail"], "and what to do about it"

    def read(self) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get(f"/v1/tickets/{self.ticket_id}").json()
        return found


def test_a_whole_life_and_every_step_that_is_not_allowed(rig: Rig, client: httpx.Client) -> None:
    clerk = Clerk(rig, client)
    story = clerk.story
    clerk.refused("started", "owner")
    clerk.refused("resolved", "status", remedy="r")
    clerk.refused("closed", "status")
    clerk.done("owned", owner="Ana")
    clerk.refused("started", "eta")
    clerk.done("eta", eta_unix_us=story.now + DAY_US, reason="to be localised", told_by="phone")
    clerk.refused("escalated", "zone", level=2, reason="radio")
    before = story.measured(bad_evidence())
    assert clerk.read()["state"] == "inProgress"
    clerk.refused("zone", "zone", zone="unknown")
    clerk.done("zone", zone="Z2", confidence_ppm=900_000, evidence=[before])
    clerk.done("dispatched", to="van 3", reason="the connector", spares=["connector"])
    clerk.done("eta", eta_unix_us=story.now + 2 * DAY_US, reason="no parts", told_by="message")
    clerk.done("escalated", level=2, reason="on site")
    clerk.done("arrived", place="at the customer's")
    clerk.refused("consent", "status", person="p", channel="phone", agrees=True, said_unix_us=1)
    clerk.done("resolved", remedy="another connector")
    clerk.refused("waiver", "waiver", reason="it looks good")
    clerk.refused("closed", "proof")
    after = story.measured(good_evidence())
    clerk.refused("closed", "consent")
    clerk.refused("consent", "consent", person="p", channel="phone", agrees=True, said_unix_us=1)
    clerk.done(
        "consent",
        person="Mme Roux",
        channel="phone",
        agrees=True,
        said_unix_us=story.now + 60_000_000,
    )
    closed = clerk.done("closed")
    assert (closed["state"], closed["proof_digest"]) == ("closed", after)
    assert closed["eta_report"] == {"extensions": 1, "late": 0, "missing": 0}
    clerk.refused("resolved", "status", remedy="again")
    assert clerk.done("note", text="thanked")["state"] == "closed"

    packed = client.get(f"/v1/tickets/{clerk.ticket_id}/package", params={"level": 3})
    assert packed.headers["content-type"] == "application/zip"
    key = PublicKey.from_text(rig.services.server_key)
    manifest = check_package(packed.content, key)
    assert {f"records/{digest}.json" for digest in (before, after)} <= {
        each.name for each in manifest.files
    }


def test_two_clerks_press_at_once(rig: Rig, client: httpx.Client) -> None:
    clerk = Clerk(rig, client)
    body = {"actor": ANA, "entry": {"owner": "Ana"}, "seen": 0}
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda _: client.post(f"/v1/tickets/{clerk.ticket_id}/owned", json=body), range(8)
            )
        )
    assert sorted(each.status_code for each in answers) == [200] + [412] * 7
    refused = next(each for each in answers if each.status_code == 412).json()
    assert refused["code"] == "ticket_moved"
    assert "owned by Ana" in refused["detail"]


def test_lists_by_page(rig: Rig, client: httpx.Client) -> None:
    ref = Clerk(rig, client).story.subscriber_ref
    first = client.get("/v1/tickets", params={"limit": 1}).json()
    assert len(first["tickets"]) == 1
    second = client.get("/v1/tickets", params={"limit": 1, "after": first["next_after"]}).json()
    assert second["tickets"][0]["ticket_id"] > first["tickets"][0]["ticket_id"]
    mine = client.get("/v1/tickets", params={"subscriber": ref, "status": "acknowledged"}).json()
    assert {each["subscriber_ref"] for each in mine["tickets"]} == {ref}
    assert client.get("/v1/tickets", params={"unreachable": True}).json()["tickets"] == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "status=mended", "after=%00", "unreachable=2"]
)
def test_a_parameter_that_is_none_is_refused(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/v1/tickets?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "schema_invalid")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/tickets"),
        ("GET", "/v1/tickets"),
        ("GET", "/v1/tickets/TT-1"),
        ("GET", "/v1/tickets/TT-1/package"),
        *(("POST", f"/v1/tickets/TT-1/{step}") for step in STEPS),
        ("GET", TICKETS_621),
        ("POST", TICKETS_621),
        ("GET", f"{TICKETS_621}/TT-1"),
        ("PATCH", f"{TICKETS_621}/TT-1"),
        ("GET", TESTS_653),
        ("GET", f"{TESTS_653}/{'a' * 64}"),
    ],
)
def test_it_is_for_operators(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path, headers={"Authorization": "Bearer wrong"})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authorised")


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({}, id="nothing said"),
        pytest.param({"owner": ""}, id="nobody"),
        pytest.param({"owner": "x" * 121}, id="a name without end"),
        pytest.param({"owner": "x", "more": 1}, id="more than was asked"),
        pytest.param({"owner": 7}, id="a number"),
    ],
)
def test_an_entry_is_checked(rig: Rig, client: httpx.Client, entry: dict[str, Any]) -> None:
    answer = Clerk(rig, client).post("owned", **entry)
    assert (answer.status_code, answer.json()["code"]) == (422, "schema_invalid")


# TM Forum's interfaces


def test_a_trouble_ticket_is_created_read_listed_and_changed(
    rig: Rig, client: httpx.Client
) -> None:
    ref = rig.subscriber().subscriber_ref
    entity = {"@type": "EntityRef", "id": ref, "@referredType": "Subscriber"}
    created = client.post(
        TICKETS_621,
        json={
            "@type": "TroubleTicket",
            "description": "slow",
            "severity": "Major",
            "ticketType": "fault",
            "relatedEntity": [{"@type": "RelatedEntity", "role": "subscriber", "entity": entity}],
        },
    )
    assert created.status_code == 201
    assert fits(created.json(), TROUBLE_TICKET)
    href = created.headers["location"]
    noted = client.patch(
        href,
        content=json.dumps(
            [{"op": "add", "path": "/note/-", "value": {"text": "n", "author": "B"}}]
        ),
        headers=JSON_PATCH,
    )
    assert [each["text"] for each in noted.json()["note"]] == ["n"]
    forbidden = client.patch(
        href,
        content=json.dumps({"status": "resolved", "statusChangeReason": "r"}),
        headers=MERGE_PATCH,
    )
    assert (forbidden.status_code, forbidden.json()["code"]) == (422, "ticket_step")
    cancelled = client.patch(
        href,
        content=json.dumps({"status": "cancelled", "statusChangeReason": "mended itself"}),
        headers=MERGE_PATCH,
    )
    assert cancelled.json()["status"] == "cancelled"
    read = client.get(href, params={"fields": "status,note"}).json()
    assert read.keys() == {"@type", "id", "href", "status", "note"}
    listed = client.get(TICKETS_621, params={"offset": 0, "limit": 2})
    assert listed.headers["x-result-count"] == str(len(listed.json())) == "2"
    assert int(listed.headers["x-total-count"]) >= 2
    assert all(fits(each, TROUBLE_TICKET) for each in listed.json())


def test_records_are_service_tests(rig: Rig, client: httpx.Client) -> None:
    story = TicketStory(rig)
    digest = story.measured(bad_evidence())
    found = client.get(f"{TESTS_653}/{digest}").json()
    assert fits(found, SERVICE_TEST)
    assert found["relatedService"]["id"] == story.subscriber_ref
    total = int(client.get(TESTS_653).headers["x-total-count"])
    newest = client.get(TESTS_653, params={"offset": total - 1, "fields": "state"}).json()
    assert newest == [
        {"@type": "OmegaServiceTest", "id": digest, "href": found["href"], "state": "completed"}
    ]
    assert client.get(f"{TESTS_653}/{'0' * 64}").status_code == 404
    assert client.post(TESTS_653, json={}).status_code == 405


# Whatever comes


def test_the_document_describes_every_step(rig: Rig) -> None:
    paths = create_app(rig.services, insecure=False).openapi()["paths"]
    for step in STEPS:
        operation = paths[f"/v1/tickets/{{ticket_id}}/{step}"]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert {"actor", "entry"} <= set(schema["required"])
        assert "$ref" not in json.dumps(schema)
        assert operation["summary"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["actor", "entry", "seen", "name", "level", "status", "reason", "zone", "note", "path", "op"]
)
BODIES = st.one_of(
    st.binary(max_size=200),
    JSON_VALUES.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(FIELDS, JSON_VALUES, max_size=5).map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {
            "actor": st.just(ANA) | JSON_VALUES,
            "entry": st.dictionaries(FIELDS, JSON_VALUES, max_size=4),
        },
        optional={"seen": st.integers() | JSON_VALUES},
    ).map(lambda value: json.dumps(value).encode()),
)


@pytest.mark.timeout(120)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=BODIES, step=st.sampled_from(STEPS), kind=st.sampled_from([JSON_PATCH, MERGE_PATCH]))
def test_no_body_breaks_the_server(
    rig: Rig, client: httpx.Client, data: bytes, step: str, kind: dict[str, str]
) -> None:
    ticket_id = rig.store.cases.tickets()[0].ticket_id
    for answer in (
        client.post(f"/v1/tickets/{ticket_id}/{step}", content=data),
        client.post("/v1/tickets", content=data),
        client.post(TICKETS_621, content=data),
        client.patch(f"{TICKETS_621}/{ticket_id}", content=data, headers=kind),
    ):
        assert answer.status_code < 500, answer.text


def test_the_package_can_be_unpacked_by_anybody(
    rig: Rig, client: httpx.Client, tmp_path: Path
) -> None:
    clerk = Clerk(rig, client)
    packed = client.get(f"/v1/tickets/{clerk.ticket_id}/package")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    assert (tmp_path / "index.fr.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert client.get(f"/v1/tickets/{clerk.ticket_id}/package?level=5").status_code == 422
