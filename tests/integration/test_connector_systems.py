"""Each connector against a stand-in of its system: what is posted, and every way to be let down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from omega_server.connectors.courier import Courier
from omega_server.connectors.diagnostic import Diagnostic, mark_of, record_file_name
from omega_server.connectors.errors import LaterError, StoppedError
from omega_server.connectors.glpi import Glpi
from omega_server.connectors.http_door import Door
from omega_server.connectors.port import Found, TicketSystem
from omega_server.connectors.request_tracker import RequestTracker
from omega_server.connectors.webhook import Webhook
from omega_server.connectors.zammad import Zammad
from omega_server.store import open_store
from omega_server.store.delivery_port import DeliveryRow, DeliveryState, LinkRow
from omega_server.store.port import Store
from omega_server.store.rows import EventRow
from support.clock import HandClock
from support.courier_child import diagnose
from support.courier_trial import diagnostic, digest_of, ticket
from support.store_rows import NOW, add_record, record, subscriber
from support.ticket_peers import (
    NOW_UNIX_S,
    SECRET,
    GlpiPeer,
    Peer,
    RtPeer,
    Trouble,
    WebhookPeer,
    ZammadPeer,
    peer,
)

TICKET = "7"
ANSWER_S = 0.5
SYSTEM = "helpdesk"
SECOND_US = 1_000_000


@dataclass(frozen=True)
class Pair:
    """A stand-in and the connector that speaks to it."""

    peer: Peer
    url: str
    system: TicketSystem
    clock: HandClock


def system_for(of: Peer, url: str, clock: HandClock, secret: str = SECRET) -> TicketSystem:
    door = Door(base=url, headers={}, clock=clock, answer_s=ANSWER_S)
    if isinstance(of, ZammadPeer):
        door = replace(door, headers={"Authorization": f"Token token={secret}"})
        return Zammad(door=door, language="fr")
    if isinstance(of, RtPeer):
        door = replace(door, headers={"Authorization": f"token {secret}"})
        return RequestTracker(door=door, language="en")
    if isinstance(of, GlpiPeer):
        door = replace(door, base=f"{url}/apirest.php")
        return Glpi(door=door, language="fr", user_token=secret)
    return Webhook(door=door, language="en", secret=secret.encode(), path="/hook")


@pytest.fixture(params=[ZammadPeer, RtPeer, GlpiPeer, WebhookPeer])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    clock = HandClock(at_unix_ns=NOW_UNIX_S * 1_000_000_000)
    of: Peer = request.param()
    with peer(of) as url:
        yield Pair(of, url, system_for(of, url, clock), clock)


def deliver(pair: Pair, of: Diagnostic) -> Found:
    found = pair.system.find(TICKET, of)
    pair.system.post(TICKET, of, found)
    return found


def test_a_diagnostic_is_posted_with_its_file_and_found_again(pair: Pair) -> None:
    one, two = diagnostic(1), diagnostic(2)
    assert deliver(pair, one).note is False
    assert deliver(pair, two).note is False
    assert pair.peer.marks() == [one.mark, two.mark]
    names = [record_file_name(digest_of(number)) for number in (1, 2)]
    assert pair.peer.files == [(TICKET, name) for name in names]
    if not isinstance(pair.peer, WebhookPeer):
        assert pair.system.find(TICKET, one).note
        assert not pair.system.find("8", one).note


def test_the_same_again_shows_nothing_more(pair: Pair) -> None:
    for _ in range(3):
        deliver(pair, diagnostic())
    assert len(pair.peer.notes) == len(pair.peer.files) == 1


def test_the_secret_is_checked(pair: Pair) -> None:
    pair.system.check()
    wrong = system_for(pair.peer, pair.url, pair.clock, SECRET[::-1])
    with pytest.raises(StoppedError) as told:
        wrong.check()
    assert (told.value.code, told.value.whole_system) == ("not_authorised", True)
    assert SECRET[::-1] not in str(told.value)


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (Trouble.DENY, "not_authorised"),
        (Trouble.FORBID, "not_authorised"),
        (Trouble.GONE, "ticket_unknown"),
        (Trouble.REDIRECT, "redirected"),
    ],
)
def test_what_no_repetition_mends_stops(pair: Pair, trouble: Trouble, code: str) -> None:
    pair.peer.will(trouble)
    with pytest.raises(StoppedError) as told:
        deliver(pair, diagnostic())
    assert told.value.code == code
    assert not any(request.path == "/elsewhere" for request in pair.peer.requests)


@pytest.mark.parametrize(
    ("trouble", "code", "unclear"),
    [
        (Trouble.BUSY, "busy", False),
        (Trouble.AWAY, "busy", False),
        (Trouble.BREAK, "broken", True),
        (Trouble.BREAK_AFTER, "broken", True),
        (Trouble.SILENCE, "no_answer", True),
        (Trouble.DROP, "no_answer", True),
    ],
)
def test_after_what_passes_by_itself_it_is_there_once(
    pair: Pair, trouble: Trouble, code: str, *, unclear: bool
) -> None:
    pair.peer.will(trouble)
    with pytest.raises(LaterError) as told:
        deliver(pair, diagnostic())
    assert (told.value.code, told.value.unclear) == (code, unclear)
    pair.peer.released.set()
    deliver(pair, diagnostic())
    assert len(pair.peer.notes) == len(pair.peer.files) == 1


def test_a_page_of_a_portal_is_no_answer(pair: Pair) -> None:
    if isinstance(pair.peer, WebhookPeer):
        return  # any 2xx is the receiver's word
    pair.peer.will(Trouble.PORTAL)
    with pytest.raises(LaterError) as told:
        deliver(pair, diagnostic())
    assert (told.value.code, told.value.unclear) == ("not_understood", True)


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [("17", 17), ("Tue, 22 Sep 2026 00:00:00 GMT", None), ("soon", None), ("9" * 12, None)],
)
def test_retry_after_is_read_where_it_can_be(pair: Pair, text: str, wait_s: int | None) -> None:
    pair.peer.retry_after = text
    pair.peer.will(Trouble.BUSY)
    with pytest.raises(LaterError) as told:
        deliver(pair, diagnostic())
    if "GMT" in text:
        wait_s = 1_790_035_200 - NOW_UNIX_S
    assert told.value.retry_after_s == wait_s


def test_nobody_listening_is_not_reached_and_clear() -> None:
    clock = HandClock()
    with peer(ZammadPeer()) as url:
        pass
    with pytest.raises(LaterError) as told:
        system_for(ZammadPeer(), url, clock).check()
    assert (told.value.code, told.value.unclear) == ("not_reached", False)


def test_a_file_that_came_through_alone_is_not_sent_again() -> None:
    of = GlpiPeer()
    with peer(of) as url:
        glpi = Pair(of, url, system_for(of, url, HandClock()), HandClock())
        of.will(None, Trouble.AWAY)
        with pytest.raises(LaterError):
            deliver(glpi, diagnostic())
        assert (len(of.files), len(of.notes)) == (1, 0)
        found = deliver(glpi, diagnostic())
        assert found.files == {record_file_name(digest_of(1))}
        assert (len(of.files), len(of.notes)) == (1, 1)


# The courier, with a clock that is moved by hand.


@contextmanager
def courier(
    tmp_path: Path, of: Peer, records: int = 2
) -> Iterator[tuple[Courier, Store, HandClock]]:
    clock = HandClock(at_unix_ns=NOW * 1_000)
    with peer(of) as url, open_store(f"sqlite:///{tmp_path}/x.sqlite", may_migrate=True) as store:
        event = EventRow(
            subject="ticket",
            subject_id=ticket(1).ticket_id,
            kind="opened",
            at_unix_us=NOW,
            content={},
        )
        store.cases.add_subscriber(subscriber(), event)
        store.cases.add_ticket(ticket(1), event)
        link = LinkRow(
            system=SYSTEM,
            ticket_id=ticket(1).ticket_id,
            external_id=TICKET,
            linked_unix_us=NOW,
        )
        store.deliveries.link(link, event)
        for number in range(1, records + 1):
            row = record(number, digest=digest_of(number), ticket_id=ticket(1).ticket_id)
            add_record(store, row)
        yield (
            Courier(
                name=SYSTEM,
                system=system_for(of, url, clock),
                store=store.deliveries,
                clock=clock,
                random=Random(1),  # noqa: S311 - spreads pauses
                diagnose=diagnose,
            ),
            store,
            clock,
        )


def kinds(store: Store) -> list[str]:
    return [each.kind for each in store.cases.events("ticket", ticket(1).ticket_id)]


def test_each_record_is_delivered_in_order_and_told_on_the_ticket(tmp_path: Path) -> None:
    of = ZammadPeer()
    with courier(tmp_path, of) as (mine, store, _):
        assert [mine.deliver_one() for _ in range(3)] == [True, True, False]
        assert of.marks() == [mark_of(digest_of(1)), mark_of(digest_of(2))]
        assert kinds(store).count("delivered") == 2


def test_a_dropped_answer_is_found_by_its_mark_after_a_minute(tmp_path: Path) -> None:
    of = ZammadPeer()
    of.will(Trouble.DROP)
    with courier(tmp_path, of, records=1) as (mine, store, clock):
        assert mine.deliver_one()
        clock.pass_ns(59 * 1_000_000_000)
        assert not mine.deliver_one()
        clock.pass_ns(1_000_000_000)
        assert mine.deliver_one()
        assert len(of.notes) == 1
        assert store.deliveries.deliveries()[0].state is DeliveryState.POSTED


def test_retry_after_is_honoured(tmp_path: Path) -> None:
    of = RtPeer(retry_after="120")
    of.will(Trouble.BUSY)
    with courier(tmp_path, of, records=1) as (mine, store, clock):
        assert mine.deliver_one()
        assert store.deliveries.deliveries()[0].due_unix_us == NOW + 120 * SECOND_US
        clock.pass_ns(120 * 1_000_000_000)
        assert mine.deliver_one()
        assert len(of.notes) == 1


def test_a_refused_secret_stops_all_and_asks_no_more_until_somebody_acts(tmp_path: Path) -> None:
    of = ZammadPeer()
    of.will(Trouble.DENY)
    with courier(tmp_path, of) as (mine, store, clock):
        assert mine.deliver_one()
        asked = len(of.requests)
        clock.pass_ns(10**15)
        assert not mine.deliver_one()
        assert len(of.requests) == asked
        assert {each.state for each in store.deliveries.deliveries()} == {DeliveryState.STOPPED}
        assert kinds(store)[-1] == "delivery_stopped"
        assert store.deliveries.retry(SYSTEM, clock.unix_us()) == 2
        assert [mine.deliver_one(), mine.deliver_one()] == [True, True]
        assert len(of.notes) == 2


def test_a_defect_in_one_delivery_is_tried_again_later(tmp_path: Path) -> None:
    def broken(_: DeliveryRow) -> Diagnostic:
        raise ZeroDivisionError

    with courier(tmp_path, ZammadPeer(), records=1) as (mine, store, _):
        assert replace(mine, diagnose=broken).deliver_one()
        row = store.deliveries.deliveries()[0]
        assert (row.state, row.code) == (DeliveryState.WAITING, "defect")


def test_a_delivery_has_a_time_for_all_its_requests() -> None:
    with peer(ZammadPeer()) as url:
        clock = HandClock()
        door = Door(base=url, headers={}, clock=clock)
        with door.open() as talk:
            clock.pass_ns(180 * 1_000_000_000)
            with pytest.raises(LaterError, match="180 s"):
                talk.get("/")
