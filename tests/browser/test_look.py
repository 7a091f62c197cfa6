"""How pages look and can be used: by keyboard, by a screen reader, on a narrow phone, in French."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib.resources import files
from typing import Any, TypeAlias

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from omega_server.fleet.keeper import FleetKeeper
from omega_server.people.entrance import Entered
from omega_server.people.roles import Role
from support.browser import DESK, PHONE, Heard, visitor
from support.instructions import diagnosed_ticket, report
from support.live_server import listening
from support.people import PASSWORD, Crowd
from support.server_rig import PLAN_ID, Rig, digest_of, make_rig

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

CLERK = "claire"
GRAVE = {"serious", "critical"}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with make_rig(tmp_path_factory.mktemp("server")) as rig:
        yield rig


@pytest.fixture(scope="module")
def places(rig: Rig) -> list[str]:
    """Every page there is, with something on it."""
    device, sheet_id, ticket_id = rig.enrolled(), rig.sheet(PLAN_ID), rig.ticket(PLAN_ID)
    posted = [
        rig.post(rig.record(rig.granted(device, purpose="install", sheet_id=sheet_id))),
        rig.post(rig.record(rig.granted(device, purpose="ticket", ticket_id=ticket_id))),
    ]
    rig.clock.pass_ns(10_000_000_000)
    FleetKeeper(rig.store, rig.clock).step()
    line = rig.store.cases.sheet(sheet_id).subscriber_ref
    return [
        "/me",
        "/login",
        "/password/something",
        "/helpdesk",
        "/helpdesk?status=closed",
        "/helpdesk/new",
        f"/helpdesk/{ticket_id}",
        "/helpdesk/nothing",
        "/noc",
        f"/noc?metric=idle_rtt_us_p95&plan={PLAN_ID}",
        "/noc/lines",
        f"/noc/lines/{line}",
        *(f"/records/{each.row.digest}" for each in posted),
    ]


@pytest.fixture(scope="module")
def url(crowd: Crowd) -> Iterator[str]:
    with listening(crowd.peopled) as url:
        yield url


@pytest.fixture(scope="module")
def crowd(rig: Rig) -> Crowd:
    crowd = Crowd(rig)
    crowd.add(CLERK, Role.HELPDESK, 3)
    return crowd


@pytest.fixture(scope="module")
def clerk(crowd: Crowd) -> Entered:
    return crowd.entered(CLERK)


At: TypeAlias = Callable[[str, ViewportSize], AbstractContextManager[tuple[Page, Heard]]]
"""Opens a page of the clerk, in a language, on a screen of some size."""


@pytest.fixture
def clerk_at(browser: Browser, url: str, clerk: Entered) -> At:
    return lambda lang, size: visitor(browser, url, entered=clerk, lang=lang, size=size)


def axe(page: Page) -> list[dict[str, Any]]:
    """Return what axe-core finds grave on a page."""
    script = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    page.evaluate(script)
    result: dict[str, Any] = page.evaluate("axe.run()")
    return [each for each in result["violations"] if each["impact"] in GRAVE]


@pytest.mark.parametrize("lang", ["fr", "en"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_can_be_read_by_everybody(
    clerk_at: At, places: list[str], lang: str, size: ViewportSize
) -> None:
    with clerk_at(lang, size) as (page, heard):
        for place in places:
            page.goto(place)
            assert page.locator("html").get_attribute("lang") == lang
            assert page.locator("h1").count() == 1, place
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= size["width"], f"{place} is {wide} wide"
            found = axe(page)
            assert found == [], (place, [(each["id"], each["nodes"][0]["html"]) for each in found])
        # A refused page is an error on the console too, and rightly.
        assert [each for each in heard.faults if "404" not in each] == []


def test_a_ticket_is_opened_by_keyboard_alone(clerk_at: At, rig: Rig) -> None:
    subscriber = rig.subscriber().subscriber_ref
    with clerk_at("fr", DESK) as (page, heard):
        page.goto("/helpdesk/new")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.locator("#new-subscriber_ref").focus()
        page.keyboard.type(subscriber)
        page.keyboard.press("Tab")
        page.keyboard.type("La connexion coupe le soir")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/helpdesk/*-*")
        assert page.locator("h1").inner_text().startswith("TT-")
        assert "La connexion coupe le soir" in page.content()
        assert heard.faults == []


def test_the_token_is_in_every_form(clerk_at: At, clerk: Entered, places: list[str]) -> None:
    with clerk_at("en", DESK) as (page, _):
        for place in places:
            page.goto(place)
            forms = page.locator("form[method=post]:not([action^='/login'], [action^='/password'])")
            for number in range(forms.count()):
                token = forms.nth(number).locator("input[name=csrf]").get_attribute("value")
                assert token == clerk.csrf, place


def test_somebody_logs_in_goes_where_they_wanted_and_logs_out(
    browser: Browser, url: str, clerk: Entered
) -> None:
    assert clerk.person.name == CLERK
    with visitor(browser, url, entered=None, lang="fr") as (page, heard):
        page.goto("/helpdesk?status=closed")
        page.wait_for_url("**/login?to=*")
        page.get_by_label("Nom").fill(CLERK)
        page.get_by_label("Mot de passe").fill("not this one")
        page.keyboard.press("Enter")
        assert "incorrect" in page.get_by_role("alert").inner_text()
        assert page.get_by_label("Nom").input_value() == CLERK, "not typed again"
        page.get_by_label("Mot de passe").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/helpdesk?status=closed")
        page.get_by_role("button", name="Se déconnecter").click()
        page.wait_for_url("**/login")
        page.goto("/helpdesk")
        page.wait_for_url("**/login?to=*")
        assert [each for each in heard.faults if "401" not in each] == []


def test_a_diagnosis_is_followed_live_until_its_record_is_there(clerk_at: At, rig: Rig) -> None:
    ticket_id, device = diagnosed_ticket(rig)
    with clerk_at("fr", PHONE) as (page, heard):
        page.goto(f"/helpdesk/{ticket_id}")
        news = page.locator("#news-said")
        assert news.inner_text() == "Rien n'a encore été mesuré pour ce ticket."
        page.get_by_role("button", name="Diagnostiquer").click()
        page.wait_for_selector("progress")
        assert page.get_by_role("button", name="Diagnostiquer").is_disabled()
        waiting = news.inner_text()
        agent_id = device.agent_id or ""
        (row,) = rig.store.instructions.open_for(agent_id, rig.clock.unix_us())
        view = rig.services.desk.view(row.instruction_id)
        rig.services.desk.take(report(view))
        page.wait_for_function(
            "before => document.getElementById('news-said').textContent !== before", arg=waiting
        )
        assert page.locator("progress").count() == 1, "it goes on"
        granted = rig.granted(device, purpose="ticket", ticket_id=ticket_id)
        posted = rig.record(granted)
        rig.post(posted)
        rig.services.desk.take(
            report(view, report_no=2, state="done", record_digest=digest_of(posted))
        )
        page.wait_for_selector("progress", state="detached")
        assert page.locator(".verdict").first.is_visible()
        assert heard.faults == []
