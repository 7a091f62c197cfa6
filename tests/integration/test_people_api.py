"""People over HTTP: cookies, CSRF, and every role at every endpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI

from omega_server import sheets, tickets
from omega_server.api.admission import CSRF_HEADER
from omega_server.people.entrance import Entered
from omega_server.people.matrix import ENTRIES, Door, Endpoint, Of
from omega_server.people.roles import CONSOLE, Role
from support.people import PASSWORD, Browser, Crowd, client_of, code_in, guarded_app
from support.server_rig import Rig, digest_of, make_rig

POSTS: dict[str, tuple[Role, int | None]] = {
    "tech": (Role.TECHNICIAN, None),
    "h1": (Role.HELPDESK, 1),
    "h2": (Role.HELPDESK, 2),
    "h3": (Role.HELPDESK, 3),
    "h4": (Role.HELPDESK, 4),
    "noc": (Role.NOC, None),
    "office": (Role.BACK_OFFICE, None),
    "admin": (Role.ADMINISTRATOR, None),
    "audit": (Role.AUDITOR, None),
}
# Written from the workflow of the operator's people, not from the matrix: `*` is one's own only.
_STEPS = "tech* h1 h2 h3 noc admin"
EXPECTED = """
GET /v1/sheets/{sheet_id}                        tech* h1 h2 h3 noc office admin audit customer*
GET /v1/records/{digest}                         tech* h1 h2 h3 noc office admin audit customer*
GET /v1/lines/{subscriber_ref}                   tech* h1 h2 h3 noc office admin audit customer*
GET /v1/lines/{subscriber_ref}/availability      tech* h1 h2 h3 noc office admin audit customer*
GET /v1/lines/{subscriber_ref}/links             h1 h2 h3 office admin
POST /v1/lines/{subscriber_ref}/links            h1 h2 h3 office admin
POST /v1/links/{link_id}/revocation              h1 h2 h3 office admin
GET /v1/tickets                                  tech* h1 h2 h3 noc office admin audit
POST /v1/tickets                                 tech* h1 h2 h3 noc admin
GET /v1/tickets/{ticket_id}                      tech* h1 h2 h3 noc office admin audit
GET /v1/tickets/{ticket_id}/package              h1 h2 h3 admin
POST /v1/tickets/{ticket_id}/diagnosis           tech* h1 h2 h3 noc admin
GET /tmf-api/troubleTicket/v5/troubleTicket      h1 h2 h3 noc office admin audit
POST /tmf-api/troubleTicket/v5/troubleTicket     admin
GET /tmf-api/troubleTicket/v5/troubleTicket/{ticket_id}   tech* h1 h2 h3 noc office admin audit
PATCH /tmf-api/troubleTicket/v5/troubleTicket/{ticket_id} admin
GET /tmf-api/serviceTestManagement/v4/serviceTest h1 h2 h3 noc office admin audit
GET /tmf-api/serviceTestManagement/v4/serviceTest/{digest} tech* h1 h2 h3 noc office admin audit customer*
POST /v1/instructions                            tech* h1 h2 h3 noc admin
GET /v1/instructions/{instruction_id}            tech* h1 h2 h3 noc admin
POST /v1/instructions/{instruction_id}/withdrawal tech* h1 h2 h3 noc admin
GET /v1/agents                                   tech h1 h2 h3 noc office admin audit
PUT /v1/agents/{agent_id}/tags                   noc admin
PUT /v1/agents/{agent_id}/line                   tech* h2 h3 office admin
GET /v1/suppressions                             h3 noc admin audit
POST /v1/suppressions                            noc admin
POST /v1/suppressions/{suppression_id}/lifting   noc admin
GET /v1/schedules                                h3 noc admin audit
POST /v1/schedules                               noc admin
POST /v1/schedules/{schedule_id}/ending          noc admin
GET /metrics                                     noc admin
GET /v1/fleet                                    h3 noc admin audit
GET /v1/fleet/spread                             h3 noc admin audit
GET /v1/fleet/worse                              h3 noc admin audit
GET /v1/fleet/lines                              h3 noc admin audit
PUT /v1/lines/{subscriber_ref}/sector            tech* h2 h3 office admin
GET /helpdesk                                    tech* h1 h2 h3 noc office admin audit
GET /helpdesk/new                                h1 h2 h3 noc admin
POST /helpdesk/new                               tech* h1 h2 h3 noc admin
GET /helpdesk/{ticket_id}                        tech* h1 h2 h3 noc office admin audit
GET /helpdesk/{ticket_id}/progress               tech* h1 h2 h3 noc office admin audit
POST /helpdesk/{ticket_id}/diagnosis             tech* h1 h2 h3 noc admin
POST /helpdesk/{ticket_id}/{step}                tech* h1 h2 h3 noc admin
GET /noc                                         h3 noc admin audit
GET /noc/lines                                   h3 noc admin audit
GET /noc/lines/{subscriber_ref}                  h3 noc admin audit
GET /records/{digest}                            tech* h1 h2 h3 noc office admin audit customer*
GET /records/{digest}/bundle                     tech* h1 h2 h3 noc office admin audit customer*
GET /v1/people                                   admin
POST /v1/people                                  admin
PUT /v1/people/{name}/role                       admin
POST /v1/people/{name}/locking                   admin
POST /v1/people/{name}/unlocking                 admin
POST /v1/people/{name}/reset                     admin
GET /v1/audit                                    admin audit
"""  # noqa: E501 - a table
_OWN_LOGIN = {"/logout", "/me", "/me/pin", "/v1/logout", "/v1/me", "/v1/me/password", "/v1/me/pin"}


def expected() -> dict[Endpoint, set[str]]:
    """Return who may do what, `tech*` for a technician with what is their own."""
    table = {}
    for line in EXPECTED.strip().splitlines():
        method, path, *posts = line.split()
        table[method, path] = set(posts)
    return table


@dataclass(frozen=True)
class Story:
    """Two lines: one that is the technician's and the customer's, one that is not."""

    crowd: Crowd
    app: FastAPI
    entered: dict[str, Entered]
    mine: dict[str, str]
    others: dict[str, str]


def line_of(rig: Rig) -> dict[str, str]:
    now = rig.clock.unix_us()
    subscriber = rig.subscriber()
    sheet = sheets.create(rig.store, subscriber, now)
    ticket = tickets.open_ticket(rig.store, subscriber, "it is slow", now)
    device = rig.enrolled(for_sheet=sheet.sheet_id)
    granted = rig.installed(device, sheet_id=sheet.sheet_id)
    posted = rig.record(granted)
    rig.post(posted)
    from_sheet = {"sheet_id": sheet.sheet_id, "digest": digest_of(posted)}
    return {
        "subscriber_ref": subscriber.subscriber_ref,
        "ticket_id": ticket.ticket_id,
        "agent_id": device.agent_id or "",
        **from_sheet,
    }


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with make_rig(tmp_path_factory.mktemp("server")) as rig:
        crowd = Crowd(rig)
        mine, others = line_of(rig), line_of(rig)
        crowd.assigned[mine["sheet_id"]] = "tech"
        crowd.assigned[others["sheet_id"]] = "tom"
        for name, (role, level) in POSTS.items():
            crowd.add(name, role, level)
        entered = {name: crowd.entered(name) for name in POSTS}
        entered["customer"] = crowd.customer(mine["subscriber_ref"])
        yield Story(crowd, guarded_app(crowd), entered, mine, others)


def asked(client: Browser, endpoint: Endpoint, about: dict[str, str]) -> Any:  # noqa: ANN401 - a response
    """Ask an endpoint about a line's things; bodies name them, and are otherwise not complete."""
    method, path = endpoint
    filled = re.sub(r"\{(\w+)\}", lambda each: about.get(each[1], "unknown"), path)
    entry = ENTRIES[endpoint]
    body: dict[str, str] = {}
    if entry.of is Of.LINE_TOLD:
        body = {"subscriber_ref": about["subscriber_ref"]}
    if entry.of is Of.CASE_TOLD:
        body = {"sheet_id": about["sheet_id"]}
    query = {"subscriber": about["subscriber_ref"]} if entry.of is Of.LINE_ASKED else {}
    if method == "GET":
        return client.get(filled, params=query)
    return client.request(method, filled, json=body)


def is_let_in(answer: Any) -> bool:  # noqa: ANN401 - a response
    assert answer.status_code != 500, answer.text
    if is_page(answer):
        return answer.status_code not in {401, 403} and not leads_to_login(answer)
    return code_in(answer) not in {"not_allowed", "not_authorised", "session_ended", "csrf_missing"}


def is_page(answer: Any) -> bool:  # noqa: ANN401 - a response
    is_written = answer.headers.get("content-type", "").startswith("text/html")
    return bool(is_written or answer.status_code == 303)


def leads_to_login(answer: Any) -> bool:  # noqa: ANN401 - a response
    to_login = answer.headers.get("location", "").startswith("/login?to=%2F")
    return bool(answer.status_code == 303 and to_login)


def of_people() -> list[Endpoint]:
    return [
        endpoint
        for endpoint, entry in ENTRIES.items()
        if entry.door in {Door.PEOPLE, Door.EITHER} and endpoint[1] not in _OWN_LOGIN
    ]


@pytest.mark.parametrize("endpoint", of_people(), ids=" ".join)
def test_each_role_at_each_endpoint(story: Story, endpoint: Endpoint) -> None:
    is_step = endpoint[1].startswith("/v1/tickets/{ticket_id}/") and endpoint not in expected()
    allowed = set(_STEPS.split()) if is_step else expected()[endpoint]
    for name, entered in story.entered.items():
        with client_of(story.app, entered) as client:
            others = is_let_in(asked(client, endpoint, story.others))
            mine = is_let_in(asked(client, endpoint, story.mine))
        # The instruction is nobody's: it is not there.
        has_own = f"{name}*" in allowed and ENTRIES[endpoint].of is not Of.INSTRUCTION
        assert others is (name in allowed), (name, "somebody else's")
        assert mine is (name in allowed or has_own), (name, "their own")


@pytest.mark.parametrize("endpoint", of_people(), ids=" ".join)
def test_nobody_comes_without_a_login(story: Story, endpoint: Endpoint) -> None:
    with client_of(story.app) as client:
        answer = asked(client, endpoint, story.mine)
    if is_page(answer):
        assert leads_to_login(answer) or answer.status_code == 401
    else:
        assert (answer.status_code, code_in(answer)) == (401, "not_authorised")


@pytest.mark.parametrize("endpoint", of_people(), ids=" ".join)
def test_the_operators_token_comes_everywhere(story: Story, endpoint: Endpoint) -> None:
    token = story.crowd.rig.services.operator_token
    with client_of(story.app) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        assert is_let_in(asked(client, endpoint, story.mine))


@pytest.mark.parametrize(
    "endpoint", [each for each in of_people() if each[0] != "GET"], ids=" ".join
)
def test_what_changes_something_needs_the_pages_token(story: Story, endpoint: Endpoint) -> None:
    for given in (None, "", story.entered["h1"].csrf):
        with client_of(story.app, story.entered["admin"]) as client:
            del client.headers[CSRF_HEADER]
            if given is not None:
                client.headers[CSRF_HEADER] = given
            answer = asked(client, endpoint, story.mine)
        wanted = None if is_page(answer) else "csrf_missing"
        assert (answer.status_code, code_in(answer)) == (403, wanted)


def test_the_vendor_reads_the_bare_package_of_a_ticket_raised_to_it(story: Story) -> None:
    path = f"/v1/tickets/{story.mine['ticket_id']}/package"
    with client_of(story.app, story.entered["h4"]) as client:
        for level in ({}, {"level": "3"}, {"level": "4"}):
            assert code_in(client.get(path, params=level)) == "not_allowed"
    with client_of(story.app, story.entered["audit"]) as client:
        assert client.get(path, params={"level": "4"}).status_code == 200
        assert code_in(client.get(path, params=[("level", "4"), ("level", "1")])) == "not_allowed"
        assert code_in(client.get(path)) == "not_allowed"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"by": "noc"}, id="in another's name"),
        pytest.param({"actor": {"name": "noc", "level": 1}}, id="an actor of another name"),
        pytest.param({"actor": {"name": "h1", "level": 3}}, id="above one's level"),
    ],
)
def test_nobody_does_anything_as_somebody_else(story: Story, body: dict[str, Any]) -> None:
    path = f"/v1/tickets/{story.mine['ticket_id']}/note"
    with client_of(story.app, story.entered["h1"]) as client:
        assert code_in(client.post(path, json=body)) == "not_allowed"
        own = client.post(path, json={"actor": {"name": "h1", "level": 1}})
        assert code_in(own) != "not_allowed"


def test_a_route_without_an_entry_is_closed(story: Story) -> None:
    app = guarded_app(story.crowd)
    app.add_api_route("/v1/forgotten", lambda: None, methods=["GET"])
    with client_of(app, story.entered["admin"]) as client:
        assert code_in(client.get("/v1/forgotten")) == "not_allowed"


@pytest.fixture
def crowd(rig: Rig) -> Crowd:
    crowd = Crowd(rig)
    crowd.add("tina")
    crowd.add("root", Role.ADMINISTRATOR)
    return crowd


@pytest.fixture
def rig(tmp_path: Any) -> Iterator[Rig]:  # noqa: ANN401 - a path
    with make_rig(tmp_path / "data") as rig:
        yield rig


LOGIN = {"name": "tina", "password": PASSWORD}


def test_a_login_over_plain_http_sets_a_cookie_scripts_do_not_see(crowd: Crowd) -> None:
    with client_of(guarded_app(crowd)) as client:
        answer = client.post("/v1/login", json=LOGIN)
        cookie = answer.headers["set-cookie"]
        assert re.fullmatch(r"omega=[\w-]{32}; HttpOnly; Path=/; SameSite=lax", cookie)
        assert answer.headers["cache-control"] == "no-store"
        me = client.get("/v1/me").json()
        assert (me["name"], me["role"], me["csrf"]) == ("tina", "technician", answer.json()["csrf"])
        assert me["rights"]["sheet_sign"] == "own"
        left = client.post("/v1/logout", headers={CSRF_HEADER: me["csrf"]})
        assert left.status_code == 204
        assert code_in(client.get("/v1/me")) == "not_authorised", "the cookie is gone"


def test_over_tls_the_cookie_is_bound_to_the_host(crowd: Crowd) -> None:
    app = guarded_app(crowd)
    with client_of(app, secure=True) as client:
        cookie = client.post("/v1/login", json=LOGIN).headers["set-cookie"]
        assert re.fullmatch(
            r"__Host-omega=[\w-]{32}; HttpOnly; Path=/; SameSite=lax; Secure", cookie
        )
        assert client.get("/v1/me").status_code == 200
    with client_of(app, crowd.entered("tina"), secure=False) as client:
        assert client.get("https://testserver/v1/me").status_code == 401


def test_the_same_cookie_without_its_session_opens_nothing(crowd: Crowd) -> None:
    app = guarded_app(crowd)
    with client_of(app) as client:
        csrf = client.post("/v1/login", json=LOGIN).json()["csrf"]
        kept = client.cookies["omega"]
        client.post("/v1/logout", headers={CSRF_HEADER: csrf})
        again = client.get("/v1/me", headers={"Cookie": f"omega={kept}"})
        assert (again.status_code, code_in(again)) == (401, "session_ended")


def test_a_wrong_token_is_not_helped_by_a_cookie(crowd: Crowd) -> None:
    with client_of(guarded_app(crowd), crowd.entered("root")) as client:
        for wrong in ("Bearer wrong", "Basic cm9vdDpyb290", "Omega x"):
            answer = client.get("/v1/people", headers={"Authorization": wrong})
            assert (answer.status_code, code_in(answer)) == (401, "not_authorised")


@pytest.mark.parametrize("path", ["/v1/login", "/v1/enter", "/v1/reset"])
def test_another_sites_page_logs_nobody_in(crowd: Crowd, path: str) -> None:
    with client_of(guarded_app(crowd)) as client:
        for where in ("cross-site", "same-site"):
            answer = client.post(path, json=LOGIN, headers={"Sec-Fetch-Site": where})
            assert code_in(answer) == "csrf_missing"
        assert code_in(client.post(path, json=[], headers={"Sec-Fetch-Site": "none"})) == (
            "schema_invalid"
        )


def test_too_many_tries_say_when_to_come_back(crowd: Crowd) -> None:
    with client_of(guarded_app(crowd)) as client:
        for _ in range(10):
            wrong = client.post("/v1/login", json={**LOGIN, "password": "wrong"})
            assert (wrong.status_code, code_in(wrong)) == (401, "login_wrong")
        limited = client.post("/v1/login", json=LOGIN)
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "900")


def test_an_account_from_its_beginning_to_its_end(crowd: Crowd) -> None:
    app = guarded_app(crowd)
    with client_of(app, crowd.entered("root")) as root, client_of(app) as hugo:
        wish = {"name": "hugo", "role": "helpdesk", "level": 1, "language": "en"}
        added = root.post("/v1/people", json=wish)
        assert added.status_code == 201, added.text
        secret = added.json()["reset"]["secret"]
        setting = {"secret": secret, "password": "six green horses"}
        assert hugo.post("/v1/reset", json=setting).status_code == 200
        csrf = hugo.post("/v1/login", json={"name": "hugo", "password": "six green horses"}).json()[
            "csrf"
        ]
        changed = {"old": "six green horses", "new": "seven green horses"}
        header = {CSRF_HEADER: csrf}
        assert hugo.put("/v1/me/password", json=changed, headers=header).status_code == 200
        login = {"name": "hugo", "password": "seven green horses"}
        header = {CSRF_HEADER: hugo.post("/v1/login", json=login).json()["csrf"]}
        pin = {"password": "seven green horses", "pin": "204816"}
        assert hugo.put("/v1/me/pin", json=pin, headers=header).json()["has_pin"] is True
        role = {"role": "helpdesk", "level": 3}
        assert root.put("/v1/people/hugo/role", json=role).json()["level"] == 3
        assert root.post("/v1/people/hugo/locking").json()["locked_unix_us"] is not None
        assert code_in(hugo.post("/v1/login", json=login)) == "login_wrong"
        assert root.post("/v1/people/hugo/unlocking").json()["locked_unix_us"] is None
        assert root.post("/v1/people/hugo/reset").status_code == 201
        names = [each["name"] for each in root.get("/v1/people").json()["people"]]
        assert names == ["hugo", "root", "tina"]
        page = root.get("/v1/audit", params={"who": "root", "subject": "account"}).json()
        done = [each["what"] for each in page["entries"]]
        assert done == [
            "reset",
            "unlocked",
            "locked",
            "role",
            "reset",
            "added",
            "login",
            "password",
        ]


def test_a_customers_link_from_its_beginning_to_its_end(crowd: Crowd) -> None:
    app, ref = guarded_app(crowd), crowd.rig.subscriber().subscriber_ref
    with client_of(app, crowd.entered("root")) as root, client_of(app) as customer:
        made = root.post(f"/v1/lines/{ref}/links", json={"kind": "code"}).json()
        me = customer.post("/v1/enter", json={"secret": made["secret"]}).json()
        assert (me["role"], me["subscriber_ref"]) == ("customer", ref)
        assert customer.get(f"/v1/lines/{ref}").status_code == 200
        assert code_in(customer.get("/v1/lines/S-other")) == "not_allowed"
        link_id = made["link"]["link_id"]
        shown = root.get(f"/v1/lines/{ref}/links").json()["links"]
        assert [each["link_id"] for each in shown] == [link_id]
        assert "secret" not in shown[0]
        root.post(f"/v1/links/{link_id}/revocation")
        assert code_in(customer.get(f"/v1/lines/{ref}")) == "session_ended"


def test_who_saw_and_who_was_refused_is_written_down(crowd: Crowd) -> None:
    app, ref = guarded_app(crowd), crowd.rig.subscriber().subscriber_ref
    with client_of(app, crowd.entered("root")) as root:
        root.get(f"/v1/lines/{ref}")
        root.get("/v1/agents")
    with client_of(app, crowd.entered("tina")) as tina:
        tina.get(f"/v1/lines/{ref}")
        tina.get("/v1/sheets/%00")
    found = [each for each in crowd.written() if each[1] in {"read", "refused", "asked"}]
    assert found == [("tina", "refused", ""), ("tina", "refused", ref), ("root", "read", ref)]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"name":1,"password":"x"}', b'{"name":"x"}', b"\xff", b'"x"'],
)
@pytest.mark.parametrize("path", ["/v1/login", "/v1/enter", "/v1/reset"])
def test_bodies_that_are_none_are_refused(crowd: Crowd, path: str, body: bytes) -> None:
    with client_of(guarded_app(crowd)) as client:
        assert code_in(client.post(path, content=body)) == "schema_invalid"


def test_a_form_brings_the_token_in_a_field(crowd: Crowd) -> None:
    entered = crowd.entered("tina")
    with client_of(guarded_app(crowd), entered) as client:
        del client.headers[CSRF_HEADER]
        wrong = client.post("/v1/logout", data={"csrf": "wrong"})
        assert code_in(wrong) == "csrf_missing"
        assert client.post("/v1/logout", data={"csrf": entered.csrf}).status_code == 204


def test_a_customer_does_not_sign_for_the_operator(crowd: Crowd) -> None:
    entered = crowd.customer(crowd.rig.subscriber().subscriber_ref)
    with client_of(guarded_app(crowd), entered) as client:
        wish = {"password": PASSWORD, "pin": "204816"}
        assert code_in(client.put("/v1/me/pin", json=wish)) == "not_allowed"


def test_the_console_may_what_the_operators_token_may(crowd: Crowd) -> None:
    token = crowd.rig.services.operator_token
    with client_of(guarded_app(crowd)) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        me = client.get("/v1/me").json()
        assert (me["name"], me["csrf"]) == (CONSOLE.person.name, None)
        assert client.post("/v1/logout").status_code == 204
