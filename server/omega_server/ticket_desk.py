"""The helpdesk's desk: opens tickets, writes what people do to them, puts a line's past beside it.

Theory of operation. A step is tried on what the log says: read, folded, checked by
`ticket_life.steps`, written with the place after the last one that was read. Somebody who wrote in
between has that place, so the store refuses; then it is all read and checked again, because what
the other did may have changed the answer: of two who close a ticket at once, the second is told
that it is closed, when, and by whom. Who says which place they had `seen` wants more: that nobody
has written since, whatever it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field

from omega_core.clock import Clock
from omega_core.facts import INTEGER_MAX
from omega_core.limits import (
    DESCRIPTION_CHARS_MAX,
    TICKET_ENTRIES_MAX,
    TICKET_PARTS_MAX,
    TICKETS_LOOKED_AT_MAX,
    TICKETS_PAGE_MAX,
)
from omega_core.models import Id, StrictModel
from omega_server import subscribers, tickets
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import LogGrewError
from omega_server.store.port import Store
from omega_server.store.rows import TicketRow
from omega_server.ticket_life import entries as log
from omega_server.ticket_life.clocks import is_unreachable, recurs
from omega_server.ticket_life.entries import Actor, Body, Channel
from omega_server.ticket_life.entry import Entry, entries_of, row_of
from omega_server.ticket_life.life import Life, Status, life_of
from omega_server.ticket_life.steps import StepRefusedError, check
from omega_server.tickets import Ticket

_TRIES_MAX = 8  # each lost race was somebody else's entry; so many within a second are a loop

BodyT = TypeVar("BodyT", bound=Body)


class Step(StrictModel, Generic[BodyT]):
    """What somebody does to a ticket. `seen`: the last place they had read, where that matters."""

    actor: Actor
    entry: BodyT
    seen: Annotated[int, Field(ge=0, le=INTEGER_MAX)] | None = None


def step_model(kind: str) -> type[StrictModel]:
    """Return what a step of this kind is parsed with."""
    body: Any = log.KINDS[kind]
    return Step[body]


class NewTicket(StrictModel):
    """A ticket to be opened. `predecessor`: one that is over, and is about the same fault."""

    subscriber_ref: Id
    description: Annotated[str, Field(min_length=1, max_length=DESCRIPTION_CHARS_MAX)]
    actor: Actor
    channel: Channel = Channel.PHONE
    severity: log.PersonName | None = None
    ticket_type: log.PersonName | None = None
    predecessor: Id | None = None
    external: Annotated[tuple[log.ExternalId, ...], Field(max_length=TICKET_PARTS_MAX)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which tickets a list is of."""

    status: Status | None = None
    unreachable: bool | None = None
    subscriber_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some tickets by number; `next_after` is where the next page begins, None at the end."""

    tickets: tuple[Ticket, ...]
    next_after: str | None


ALL = Wanted()


class TicketDesk:
    """Everything that people do with tickets."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def open(self, asked: NewTicket) -> Ticket:
        """Open a ticket; raises RefusalError.

        One that names a predecessor is linked with it; where the same fault came back within days
        of its closing, localising goes on at once.
        """
        subscriber = subscribers.known(self._store, asked.subscriber_ref)
        now = self._clock.unix_us()
        before = None if asked.predecessor is None else self._over(asked)
        opened = log.Opened(
            channel=asked.channel,
            severity=asked.severity,
            ticket_type=asked.ticket_type,
            predecessor=asked.predecessor,
            external=asked.external,
            recurs=before is not None and _is_the_same_fault(before.life, now),
        )
        row = tickets.open_ticket(
            self._store, subscriber, asked.description, now, opened=opened, actor=asked.actor
        )
        if before is not None:
            link = log.Linked(ticket_id=row.ticket_id, relation="successor")
            self._write(before.row.ticket_id, asked.actor, link)
        return tickets.load(self._store, row.ticket_id)

    def act(self, ticket_id: str, step: Step[BodyT]) -> Ticket:
        """Write what somebody does.

        Raises RefusalError `ticket_step` where a guard stands in the way, `ticket_moved` where
        somebody wrote after what was seen, `ticket_unknown`.
        """
        tickets.known(self._store, ticket_id)
        body = step.entry
        if isinstance(body, log.Linked):
            tickets.known(self._store, body.ticket_id)
        self._write(ticket_id, step.actor, body, seen=step.seen)
        return tickets.load(self._store, ticket_id)

    def page(self, *, after: str = "", count: int, wanted: Wanted = ALL) -> Page:
        """Return at most `count` tickets after a number, of those that are wanted."""
        count = min(count, TICKETS_PAGE_MAX)
        found: list[Ticket] = []
        last = after
        for row in self._rows(after):
            last = row.ticket_id
            ticket = tickets.load(self._store, row.ticket_id)
            if _fits(ticket, wanted):
                found.append(ticket)
            if len(found) == count:
                break
        more = self._store.cases.tickets(after=last, count=1)
        return Page(tuple(found), last if more else None)

    def _rows(self, after: str) -> Iterator[TicketRow]:
        for _ in range(TICKETS_LOOKED_AT_MAX // TICKETS_PAGE_MAX):
            rows = self._store.cases.tickets(after=after, count=TICKETS_PAGE_MAX)
            yield from rows
            if len(rows) < TICKETS_PAGE_MAX:
                return
            after = rows[-1].ticket_id

    def _over(self, asked: NewTicket) -> Ticket:
        before = tickets.load(self._store, asked.predecessor or "")
        if before.row.subscriber_ref != asked.subscriber_ref:
            raise RefusalError(Code.TICKET_STEP, "the predecessor is of another subscriber")
        if not before.life.ended:
            detail = f"{before.row.ticket_id} is {before.state}; go on with it"
            raise RefusalError(Code.TICKET_STEP, detail)
        return before

    def _write(self, ticket_id: str, actor: Actor, body: Body, *, seen: int | None = None) -> None:
        for _ in range(_TRIES_MAX):
            entries = entries_of(self._store.cases.events("ticket", ticket_id))
            life = life_of(entries)
            _refuse_unseen(entries, life, seen)
            entry = Entry(at_unix_us=self._clock.unix_us(), actor=actor, body=body)
            try:
                check(life, entry)
                _refuse_full(entries)
            except StepRefusedError as error:
                raise RefusalError(Code.TICKET_STEP, str(error)) from error
            placed = replace(entry, place=life.places + 1)
            try:
                self._store.cases.log(row_of(ticket_id, placed))
            except LogGrewError:
                continue
            return
        raise RefusalError(Code.BUSY, f"too many write to {ticket_id} at once")


def _refuse_unseen(entries: tuple[Entry, ...], life: Life, seen: int | None) -> None:
    if seen is None or seen == life.places:
        return
    last = next((e for e in reversed(entries) if e.place == life.places), None)
    if last is None or last.actor is None or seen > life.places:
        raise RefusalError(Code.TICKET_MOVED, f"the ticket has {life.places} places, not {seen}")
    raise RefusalError(
        Code.TICKET_MOVED,
        f"after place {seen}: {last.kind} by {last.actor.name}; the ticket is {life.status}",
    )


def _refuse_full(entries: tuple[Entry, ...]) -> None:
    if len(entries) >= TICKET_ENTRIES_MAX:
        raise StepRefusedError(
            "entries", f"the log has {len(entries)} entries", "go on under a linked ticket"
        )


def _is_the_same_fault(before: Life, now_unix_us: int) -> bool:
    closed = before.status is Status.CLOSED
    return closed and recurs(before.history[-1].at_unix_us, now_unix_us)


def _fits(ticket: Ticket, wanted: Wanted) -> bool:
    return (
        wanted.status in {None, ticket.state}
        and wanted.unreachable in {None, is_unreachable(ticket.life)}
        and wanted.subscriber_ref in {None, ticket.row.subscriber_ref}
    )
