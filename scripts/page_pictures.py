"""Make the pictures of docs/pages.md: a real server, real pages, a real Chromium.

PYTHONPATH=tests python scripts/page_pictures.py
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import ViewportSize

from omega_core.units import NS_PER_S
from omega_server.fleet.keeper import FleetKeeper
from omega_server.people.roles import Role
from support.browser import chromium, visitor
from support.live_server import listening
from support.people import Crowd
from support.server_rig import PLAN_ID, Rig, make_rig

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
SECTORS = ("BTS-Nord", "BTS-Sud")
LINES = 6


def main() -> None:
    """Draw them anew."""
    with TemporaryDirectory() as folder, make_rig(Path(folder)) as rig:
        ticket = furnished(rig)
        crowd = Crowd(rig)
        crowd.add("claire", Role.HELPDESK, 3)
        clerk = crowd.entered("claire")
        with listening(crowd.peopled) as url, chromium() as browser:
            phone = ViewportSize(width=390, height=844)
            desk = ViewportSize(width=1100, height=800)
            with visitor(browser, url, entered=clerk, lang="fr", size=phone) as (page, _):
                page.goto(f"/helpdesk/{ticket}")
                page.screenshot(path=IMAGES / "ticket-phone.png")
            with visitor(browser, url, entered=clerk, lang="fr", size=desk) as (page, _):
                page.goto("/noc")
                page.screenshot(path=IMAGES / "noc.png", full_page=True)


def furnished(rig: Rig) -> str:
    """Post some records; return the number of a ticket that has one."""
    for number in range(LINES):
        sheet_id = rig.sheet(PLAN_ID)
        rig.post(rig.record(rig.granted(rig.enrolled(), purpose="install", sheet_id=sheet_id)))
        line = rig.store.cases.sheet(sheet_id).subscriber_ref
        rig.services.fleet.place(line, SECTORS[number % len(SECTORS)])
    ticket_id = rig.ticket(PLAN_ID)
    rig.post(rig.record(rig.granted(rig.enrolled(), purpose="ticket", ticket_id=ticket_id)))
    rig.clock.pass_ns(10 * NS_PER_S)
    FleetKeeper(rig.store, rig.clock).step()
    return str(ticket_id)


if __name__ == "__main__":
    main()
