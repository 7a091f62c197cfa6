"""A server, an enrolled device and its tickets, ready for any case of a chain.

Theory of operation. To enrol takes longer than to diagnose, so it is done once, on a healthy line:
a `Template` is the server's data and the device's home after that, with a subscriber and a ticket
for each kind of access. Each case gets copies of both, in a folder of its own, and the server is
started on the chain's test point. So every case is the first diagnosis of a device that was
enrolled when its line was good.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from support.chain.cases import Access, ChainCase
from support.chain.chain_lab import ChainLab
from support.chain.layout import FAR_V4, FAR_V6, OTHER_V4, OTHER_V6, SERVER_NAME
from support.main_job import Omega, Ran, Site

PLANS: Final = Path(__file__).parent / "plans"
NOBODY: Final = 65_534
_AS_NOBODY: Final = (
    *("setpriv", "--reuid", f"{NOBODY}", "--regid", f"{NOBODY}", "--clear-groups"),
    *("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"),
)
"""No right but to read: the interpreter may stand in a folder that nobody may enter."""
_COMMAND_S: Final = 90
REFERENCES: Final = (
    f'addresses = ["{FAR_V4}", "{OTHER_V4}", "{FAR_V6}", "{OTHER_V6}"]\n'
    f'name_servers = ["{FAR_V4}"]\n'
)
"""What an operator puts on its devices: hosts past the test point, and its name server there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What cases begin with: `data` of the server, `home` of the device, a ticket of each plan."""

    data: Path
    home: Path
    tickets: Mapping[Access, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What `omega diagnose` came to, and the time it took."""

    ran: Ran
    took_ms: int


def make_template(folder: Path) -> Template:
    """Enrol a device on a healthy line; return what cases begin with."""
    with ChainLab(ChainCase(access=Access.FIBRE)) as lab:
        site = _site(lab, folder)
        site.start()
        try:
            enrolled = site.enrolled("home")
            tickets = {}
            for access in Access:
                name = site.subscriber(plan=f"CHAIN-{access.upper()}")
                made = site.operate(
                    *("ticket", "open", "--subscriber", name, "--description", "it is slow")
                )
                tickets[access] = str(made["ticket_id"])
        finally:
            site.stop()
    (enrolled.home / "references.toml").write_text(REFERENCES)
    return Template(data=site.data, home=enrolled.home, tickets=tickets)


@contextmanager
def served(lab: ChainLab, template: Template, folder: Path) -> Iterator[Site]:
    """Run the template's server on the chain's test point."""
    shutil.copytree(template.data, folder / "server")
    site = _site(lab, folder)
    site.start()
    try:
        yield site
    finally:
        site.kill()


def diagnose(lab: ChainLab, template: Template, folder: Path, *, as_nobody: bool) -> Diagnosis:
    """Have the device diagnose its line for its ticket, as root or as nobody."""
    home = folder / "home"
    shutil.copytree(template.home, home)
    if as_nobody:
        for path in (home, *home.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    omega = Omega(lab.device, home, before=_AS_NOBODY if as_nobody else ())
    began = time.monotonic()
    ticket = template.tickets[lab.case.access]
    ran = omega.run("diagnose", "--ticket", ticket, "--json", timeout_s=_COMMAND_S)
    return Diagnosis(ran=ran, took_ms=round((time.monotonic() - began) * 1_000))


def _site(lab: ChainLab, folder: Path) -> Site:
    return Site(folder, lab.test_point, lab.device, SERVER_NAME, plans=PLANS)
