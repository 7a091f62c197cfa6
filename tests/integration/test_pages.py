"""Pages as a browser gets them, over real connections: what is on them, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from html.parser import HTMLParser

import httpx
import pytest

from omega_core.units import US_PER_S
from omega_server.fleet.keeper import FleetKeeper
from omega_server.pages.languages import COOKIE
from omega_server.people.roles import Role
from omega_server.store.port import Store
from support.live_server import listening
from support.people import PASSWORD, Crowd
from support.server_rig import PLAN_ID, Rig, make_rig

CLERK, BACK_OFFICE = "claire", "bruno"
FIRST_PAGE_BYTES_MAX = 100_000
HOSTILE = "<script>alert('1')</script>"


class Outline(HTMLParser):
    """What a page is made of: elements by name, ids, and whether every one is closed."""

    VOID = frozenset({"meta", "link", "input", "br", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with make_rig(tmp_path_factory.mktemp("server")) as rig:
        yield rig


@pytest.fixture(scope="module")
def url(rig: Rig) -> Iterator[str]:
    crowd = Crowd(rig)
    crowd.add(CLERK, Role.HELPDESK, 3)
    crowd.add(BACK_OFFICE, Role.BACK_OFFICE)
    with listening(crowd.peopled) as url:
        yield url


@pytest.fixture(scope="module")
def known(url: str) -> Iterator[httpx.Client]:
    """Log the clerk in once: passwords take their time."""
    with logged_in(url, CLERK) as client:
        yield client


@pytest.fixture
def clerk(known: httpx.Client, url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, cookies=known.cookies, trust_env=False) as client:
        yield client


@contextmanager
def logged_in(url: str, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, trust_env=False) as client:
        answer = client.post("/login", data={"name": name, "password": PASSWORD, "to": "/me"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/me"), answer.text
        yield client


@pytest.fixture
def store(rig: Rig) -> Store:
    kept: Store = rig.store
    return kept


def page(client: httpx.Client, path: str, lang: str = "fr") -> Outline:
    client.cookies.set(COOKIE, lang)  # the account has a language of its own
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    outline = Outline(answer.text)
    assert outline.open == []
    ids = [attrs["id"] for _, attrs in outline.elements if attrs.get("id")]
    assert len(ids) == len(set(ids)), "no id twice"
    (html,) = outline.of("html")
    assert html["lang"] == lang
    return outline


def sent(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    return client.post(path, data={"csrf": csrf_of(client), **fields})


def csrf_of(client: httpx.Client) -> str:
    tokens = {
        attrs["value"]
        for attrs in Outline(client.get("/me").text).of("input")
        if attrs.get("name") == "csrf"
    }
    (token,) = tokens
    assert token
    return token


def test_nobody_is_led_to_the_login_and_back(url: str) -> None:
    answer = httpx.get(f"{url}/helpdesk?status=closed", trust_env=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?to=%2Fhelpdesk%3Fstatus%3Dclosed"


def test_the_root_is_the_first_page_that_somebody_has(url: str, clerk: httpx.Client) -> None:
    nobody = httpx.get(url, trust_env=False)
    assert (nobody.status_code, nobody.headers["location"]) == (303, "/login")
    assert clerk.get("/").headers["location"] == "/helpdesk"


def test_somebody_who_may_not_is_told_so(url: str) -> None:
    with logged_in(url, BACK_OFFICE) as client:
        assert client.get("/helpdesk").status_code == 200
        answer = client.get("/noc", headers={"Accept-Language": "fr"})
    assert answer.status_code == 403
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize("path", ["/helpdesk", "/helpdesk/new", "/noc", "/noc/lines"])
@pytest.mark.parametrize("lang", ["fr", "en"])
def test_a_page_forbids_what_it_does_not_need(clerk: httpx.Client, path: str, lang: str) -> None:
    answer = clerk.get(path, headers={"Accept-Language": lang})
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    outline = page(clerk, path, lang)
    for tag, attrs in outline.elements:
        assert "style" not in attrs, tag
        assert not any(name.startswith("on") for name in attrs), tag
        for name in ("src", "href", "action"):
            address = attrs.get(name) or "/"
            assert not re.match(r"[a-z]+:|//", address), "nothing from elsewhere"
    for form in outline.of("form"):
        assert form["method"] == "get" or any(
            each.get("name") == "csrf" for each in outline.of("input")
        )
    named = {each.get("for") for each in outline.of("label")}
    for each in (*outline.of("input"), *outline.of("select"), *outline.of("textarea")):
        assert each.get("type") in {"hidden", "checkbox"} or each.get("id") in named, each


def test_a_first_page_is_small_on_the_wire(clerk: httpx.Client) -> None:
    answer = clerk.get("/helpdesk")
    octets = len(answer.content)
    for tag, name in (("link", "href"), ("script", "src")):
        for attrs in Outline(answer.text).of(tag):
            file = clerk.get(str(attrs[name]))
            assert file.status_code == 200
            assert "immutable" in file.headers["cache-control"]
            octets += int(file.headers["content-length"])
    assert octets < FIRST_PAGE_BYTES_MAX


def test_a_file_of_another_version_is_not_there(clerk: httpx.Client) -> None:
    assert clerk.get("/static/0123456789abcdef/omega.css").status_code == 404
    assert clerk.get("/static/0123456789abcdef/..%2f..%2fframe.py").status_code == 404


def test_the_language_that_was_chosen_is_remembered(clerk: httpx.Client) -> None:
    answer = clerk.get("/helpdesk?lang=en", headers={"Accept-Language": "fr"})
    assert '<html lang="en">' in answer.text
    assert "omega_lang=en" in answer.headers["set-cookie"]
    assert '<html lang="en">' in clerk.get("/helpdesk", headers={"Accept-Language": "fr"}).text


def test_nobody_is_talked_to_in_the_language_of_who_came_before(clerk: httpx.Client) -> None:
    said = []
    for lang in ("fr", "en", "fr", "en"):
        clerk.cookies.set(COOKIE, lang)
        text = clerk.get("/helpdesk").text
        said.append(("Ouvrir un ticket" in text, "Open a ticket" in text))
    assert said == [(True, False), (False, True)] * 2


def test_a_ticket_is_opened_worked_on_and_its_guards_are_explained(
    rig: Rig, clerk: httpx.Client
) -> None:
    subscriber = rig.subscriber().subscriber_ref
    form = {"subscriber_ref": subscriber, "description": HOSTILE, "channel": "phone"}
    opened = sent(clerk, "/helpdesk/new", **form)
    assert opened.status_code == 303
    address = opened.headers["location"]
    assert HOSTILE not in clerk.get(address).text, "it is shown, and does nothing"
    assert "&lt;script&gt;" in clerk.get(address).text

    refused = sent(clerk, f"{address}/closed")
    assert refused.status_code == 422
    assert "Le ticket est" in refused.text
    assert sent(clerk, f"{address}/owned", owner="Claire").status_code == 303
    without = sent(clerk, f"{address}/started")
    assert without.status_code == 422
    assert "Aucun délai" in without.text, "the guard says what to do first"
    soon = datetime.fromtimestamp(rig.clock.unix_us() / US_PER_S + 14_400, UTC)
    promised = {"eta_unix_us": f"{soon:%Y-%m-%dT%H:%M}", "reason": "half a day", "told_by": "phone"}
    assert sent(clerk, f"{address}/eta", **promised).status_code == 303
    started = sent(clerk, f"{address}/started")
    assert started.status_code == 303, started.text
    no_zone = sent(clerk, f"{address}/resolved", remedy="box reset")
    assert "box reset" in no_zone.text, "what was typed is still there"
    assert sent(clerk, f"{address}/zone", zone="Z1").status_code == 303
    outline = page(clerk, address)
    assert any(attrs.get("action") == f"{address}/resolved" for attrs in outline.of("form"))


def test_a_form_without_its_token_does_nothing(rig: Rig, clerk: httpx.Client) -> None:
    before = rig.store.cases.tickets(after="", count=1_000)
    form = {
        "subscriber_ref": rig.subscriber().subscriber_ref,
        "description": "slow",
        "channel": "phone",
    }
    for token in ({}, {"csrf": "guessed"}):
        answer = clerk.post("/helpdesk/new", data={**form, **token})
        assert answer.status_code == 403
    assert rig.store.cases.tickets(after="", count=1_000) == before


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="empty"),
        pytest.param({"subscriber_ref": "nobody", "description": "slow"}, id="nobody's line"),
        pytest.param({"subscriber_ref": "../../etc/passwd", "description": "x"}, id="a path"),
        pytest.param({"subscriber_ref": "' OR 1=1 --", "description": "x"}, id="SQL"),
        pytest.param({"subscriber_ref": "S", "description": "x" * 19_000}, id="too long"),
    ],
)
def test_a_form_that_is_wrong_comes_back_as_it_was(
    clerk: httpx.Client, fields: dict[str, str]
) -> None:
    answer = sent(clerk, "/helpdesk/new", **fields)
    assert 400 <= answer.status_code < 500
    assert 'role="alert"' in answer.text
    if fields.get("description") == "x":
        assert 'value="' in answer.text


def test_the_network_shows_sectors_spread_and_what_got_worse(
    rig: Rig, clerk: httpx.Client, store: Store
) -> None:
    agent = rig.enrolled()
    sheet_id = rig.sheet(PLAN_ID)
    rig.post(rig.record(rig.granted(agent, purpose="install", sheet_id=sheet_id)))
    keeper = FleetKeeper(store, rig.clock)
    rig.clock.pass_ns(10_000_000_000)
    assert keeper.step() > 0
    assert keeper.step() == 0
    line = store.cases.sheet(sheet_id)
    assert line is not None
    outline = page(clerk, "/noc")
    assert outline.of("table")
    assert clerk.get(f"/noc/lines/{line.subscriber_ref}").status_code == 200
    assert clerk.get("/noc/lines/nobody").status_code == 404
    assert clerk.get("/noc?metric=nonsense").status_code == 422
    found = rig.services.fleet.spread("goodput_bps_down", plan_id=PLAN_ID)
    assert (found.promise, found.is_least) == (246_160_000, True), "a share of the contracted rate"
    drawn = page(clerk, f"/noc?metric=goodput_bps_down&plan={PLAN_ID}")
    assert any(each.get("class") == "promise" for each in drawn.of("line"))
