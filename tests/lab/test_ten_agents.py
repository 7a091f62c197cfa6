"""Ten agents behind ten boxes and the operator's own translation; a clerk asks one of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.pytest_support import pytest_runtest_setup
from omega_acceptance.zone.codes import Zone
from support.chain.cases import (
    ACCESS,
    BACKHAUL,
    BOX,
    LAN,
    TRANSIT,
    Access,
    ChainCase,
    Fault,
    Kind,
    Manner,
)
from support.chain.chain_lab import ChainLab
from support.chain.desk import PLANS, REFERENCES
from support.chain.layout import TEST_POINT_V4
from support.chain.nat_sites import NatSites
from support.daemons import Daemon, diagnosed
from support.main_job import Json, Omega, Site, wait_until

__all__ = ["pytest_runtest_setup"]
pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(240)]

AGENTS = 10
SLOW_US = 250_000
FAULTS = (
    Fault(kind=Kind.DELAY, place=LAN, delay_us=SLOW_US),
    Fault(kind=Kind.NAMES, place=BOX, manner=Manner.REFUSES),
    Fault(kind=Kind.LOSS, place=ACCESS, loss_ppm=250_000),
    Fault(kind=Kind.DELAY, place=BACKHAUL, delay_us=SLOW_US),
    Fault(kind=Kind.DELAY, place=TRANSIT, delay_us=SLOW_US),
)


@dataclass(frozen=True)
class Enrolled:
    """The server's data and the homes of all agents, the chain's own first."""

    data: Path
    homes: tuple[Path, ...]


@contextmanager
def operator(case: ChainCase, folder: Path) -> Iterator[tuple[ChainLab, Site, NatSites]]:
    """Build the chain, whole at first, with all homes and a server."""
    with ExitStack() as stack:
        lab = stack.enter_context(ChainLab(case, broken=False))
        sites = stack.enter_context(NatSites(lab, AGENTS - 1))
        site = Site(folder, lab.test_point, lab.device, TEST_POINT_V4, plans=PLANS)
        site.start()
        stack.callback(site.kill)
        yield lab, site, sites


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Enrolled:
    folder = tmp_path_factory.mktemp("enrolled")
    case = ChainCase(access=Access.ADSL, cgnat=True, ipv6=False)
    with operator(case, folder) as (_, site, sites):
        homes = [site.enrolled("home0").home]
        for number, device in enumerate(sites.devices, start=1):
            site.customer_place = device
            homes.append(site.enrolled(f"home{number}").home)
        site.stop()
    (homes[0] / "references.toml").write_text(REFERENCES)
    return Enrolled(data=site.data, homes=tuple(homes))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.zone.name.lower())
def test_the_agent_of_a_ticket_tells_the_zone(
    enrolled: Enrolled, fault: Fault, tmp_path: Path
) -> None:
    case = ChainCase(access=Access.ADSL, cgnat=True, ipv6=False, fault=fault)
    shutil.copytree(enrolled.data, tmp_path / "server")
    with operator(case, tmp_path) as (lab, site, sites), ExitStack() as stack:
        for place, home in zip([lab.device, *sites.devices], enrolled.homes, strict=True):
            own = tmp_path / home.name
            shutil.copytree(home, own)
            stack.enter_context(Daemon(Omega(place, own)))
        wait_until(lambda: _connected(site) == AGENTS, 60)
        agent = json.loads((enrolled.homes[0] / "identity.json").read_text())["agent_id"]
        ticket = _ticket(site)
        lab.inject()
        if fault.zone is Zone.CORE:
            _press(site, ticket, agent)
        else:
            told = diagnosed(site, ticket, "--agent", agent)
            assert told["state"] == "done", told
        wait_until(lambda: site.case("tickets", ticket)["records"], 90)
        told = site.case("tickets", ticket)
        assert len(told["records"]) == 1
        assert told["zone"]["zone"] == fault.zone, told["zone"]
        assert _connected(site) == AGENTS, "the others are not touched"


def _ticket(site: Site) -> str:
    name = site.subscriber(plan="CHAIN-ADSL")
    made = site.operate("ticket", "open", "--subscriber", name, "--description", "it is slow")
    return str(made["ticket_id"])


def _press(site: Site, ticket: str, agent: str) -> None:
    """Ask by the API, as a helpdesk's own program does."""
    token = Path(site.announced["operator_token_file"]).read_text("ascii").strip()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    wish: Json = {"by": "Ana", "agent_id": agent}
    path = f"/v1/tickets/{ticket}/diagnosis"
    status, content = site.ask("POST", path, json.dumps(wish).encode(), headers)
    assert status == 201, content


def _connected(site: Site) -> int:
    listed: list[Json] = list(site.operate("agent", "list"))  # type: ignore[arg-type]
    return sum(bool(each["is_connected"]) for each in listed)
