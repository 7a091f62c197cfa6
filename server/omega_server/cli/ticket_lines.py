"""Where a ticket stands, as people read it: what holds, what was promised, what is missing."""

from __future__ import annotations

from collections.abc import Iterator

from omega_server.cli.common import moment
from omega_server.ticket_views import TicketLifeView, TicketLineView


def life_lines(view: TicketLifeView) -> Iterator[str]:
    """Yield what a clerk needs of a ticket's life."""
    yield f"{view.ticket_id}  {view.state}, level {view.level}, priority {view.priority.priority}"
    yield f"  owner       {view.owner or '-'}"
    if view.etas:
        eta = view.etas[-1]
        yield f"  estimate    {moment(eta.eta_unix_us)}, told {moment(eta.notified_at_unix_us)}"
    if view.eta_report.late or view.eta_report.missing:
        yield f"  notices     {view.eta_report.late} late, {view.eta_report.missing} missing"
    if view.zone is not None:
        yield f"  zone        {view.zone['zone']}"
    if view.waits_for is not None:
        yield f"  waits for   {view.waits_for}"
    if view.remedy is not None:
        proof = "waived" if view.waived else (view.proof_digest or "missing")[:12]
        agrees = "agrees" if view.consented else "not asked, or no answer"
        yield f"  proof       {proof}"
        yield f"  customer    {agrees}"
    for clock in view.clocks:
        late = ", missed" if clock.missed else ""
        yield f"  clock       {clock.id} due {moment(clock.due_unix_us)}{late}"


def ticket_line(line: TicketLineView) -> str:
    """Return a ticket of a list in one line."""
    unreachable = "  customer unreachable" if line.customer_unreachable else ""
    return f"{line.ticket_id}  {line.subscriber_ref}  {line.state}  {line.priority}{unreachable}"
