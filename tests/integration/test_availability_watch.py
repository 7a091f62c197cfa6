"""The watch against a real test point on this host: packets, a restart, journal and record."""

from __future__ import annotations

import random
import select
from pathlib import Path

import pytest

from omega_agent.availability.book import Author, WatchBook
from omega_agent.availability.client import StandingClient, granted
from omega_agent.availability.journal import AvailabilityJournal
from omega_agent.availability.leave import Leave
from omega_agent.availability.watch import AvailabilityWatch, Place, Witness
from omega_agent.outbox import MemoryOutbox
from omega_core.availability import Unwatched
from omega_core.availability_record import AvailabilityRecord
from omega_core.clock import SystemClock
from omega_core.envelope import PayloadType, open_sealed, parse_envelope, seal
from omega_core.models import model_bytes, parse_model
from omega_core.standing import StandingGrant
from omega_core.units import NS_PER_S, US_PER_S
from support import builders
from support.grantor import LocalGrantor
from support.real_test_point import RealTestPoint

AGENT_KEY = builders.key_of("agent")


def client_of(test_point: RealTestPoint) -> StandingClient:
    now_us = SystemClock().unix_us()
    grant = StandingGrant(
        agent_key=AGENT_KEY.public.text,
        nonce="n" * 16,
        test_point="tp-test",
        test_point_key=test_point.key.public.text,
        udp_port=test_point.ports.udp_port,
        not_before_unix_us=now_us,
        not_after_unix_us=now_us + 60 * US_PER_S,
    )
    envelope = seal(model_bytes(grant), PayloadType.STANDING_GRANT, test_point.server_key)
    return granted(envelope, test_point.server_key.public, AGENT_KEY)


def place_of(test_point: RealTestPoint, client: StandingClient | None) -> Place:
    address = ("127.0.0.1", test_point.ports.udp_port)
    return Place(test_point="tp-test", address=address, client=client)


def witness_of(test_point: RealTestPoint, folder: Path) -> Leave:
    """Return a server that is there while its test point is not."""
    grantor = LocalGrantor(test_point.server_key, test_point.key.public)
    return Leave(
        "cpe-1",
        AGENT_KEY,
        test_point.server_key.public,
        folder / "grant",
        grantor.connect,
        find=lambda _: ("127.0.0.1",),
        clock=SystemClock(),
        rng=random.Random(1),  # noqa: S311 - draws pauses
    )


def watch_of(
    test_point: RealTestPoint,
    client: StandingClient | None,
    folder: Path,
    outbox: MemoryOutbox,
    witness: Witness | None = None,
) -> AvailabilityWatch:
    author = Author(key=AGENT_KEY, agent_id="cpe-1", software="omega test")
    return AvailabilityWatch(
        place_of(test_point, client),
        WatchBook(author, AvailabilityJournal(folder / "availability.journal"), outbox),
        clock=SystemClock(),
        rng=random.Random(1),  # noqa: S311 - draws pauses
        software="omega test",
        witness=witness,
    )


def run(watch: AvailabilityWatch, duration_s: float) -> None:
    clock = SystemClock()
    until_ns = clock.monotonic_ns() + int(duration_s * NS_PER_S)
    while (now_ns := clock.monotonic_ns()) < until_ns:
        wake_ns = min(watch.step(), until_ns)
        readers = [watch] if watch.fileno() >= 0 else []
        select.select(readers, [], [], max(0, wake_ns - now_ns) / NS_PER_S)


def record_in(outbox: MemoryOutbox, digest: str) -> AvailabilityRecord:
    waiting = outbox.get(digest)
    assert waiting is not None
    keys = {AGENT_KEY.public.kid: AGENT_KEY.public}
    payload = open_sealed(parse_envelope(waiting.content), PayloadType.AVAILABILITY, keys)
    return parse_model(AvailabilityRecord, payload)


@pytest.mark.slow
def test_a_good_line_is_watched_and_the_watch_goes_on_after_a_stop(tmp_path: Path) -> None:
    outbox = MemoryOutbox()
    with RealTestPoint(tmp_path) as test_point:
        watch = watch_of(test_point, client_of(test_point), tmp_path, outbox)
        run(watch, 3.5)
        watch.end()
        again = watch_of(test_point, client_of(test_point), tmp_path, outbox)
        run(again, 2.5)
        digest = again.close("requested")
        assert digest is not None
        record = record_in(outbox, digest)
        again.end()
    assert record.watched.outages == ()
    assert [each.cause for each in record.watched.gaps] == [Unwatched.STOPPED]
    assert record.watched.attempts.answered >= 5
    assert record.watched.attempts.failed == 0


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("with_witness", [True, False])
def test_a_test_point_that_restarts_is_no_outage(tmp_path: Path, *, with_witness: bool) -> None:
    outbox = MemoryOutbox()
    with RealTestPoint(tmp_path) as test_point:
        client = client_of(test_point)
        witness = witness_of(test_point, tmp_path) if with_witness else None
        watch = watch_of(test_point, client, tmp_path, outbox, witness)
        run(watch, 3)
        port = test_point.ports.udp_port
        test_point.kill()
        run(watch, 3)
    with RealTestPoint(tmp_path, udp_port=port):
        run(watch, 8)
        digest = watch.close("requested")
        assert digest is not None
        record = record_in(outbox, digest)
        watch.end()
    assert record.watched.outages == ()
    causes = {each.cause for each in record.watched.gaps}
    # One that is back at once has no silence in which a witness could answer.
    silent = {Unwatched.TEST_POINT_SILENT} if with_witness else set()
    assert causes
    assert causes <= {Unwatched.TEST_POINT_RESTARTED, *silent}
    assert record.watched.attempts.answered >= 5


@pytest.mark.slow
def test_a_silent_port_is_an_outage_and_no_grant_is_not(tmp_path: Path) -> None:
    outbox = MemoryOutbox()
    with RealTestPoint(tmp_path) as test_point:
        client = client_of(test_point)
        watch = watch_of(test_point, client, tmp_path, outbox)
        run(watch, 2.5)
    run(watch, 8.5)
    digest = watch.close("requested")
    assert digest is not None
    (outage,) = record_in(outbox, digest).watched.outages
    assert outage.until_us is None
    assert outage.least_us(0, 2**53) >= US_PER_S
    watch.use(place_of(test_point, None))
    run(watch, 2.5)
    digest = watch.close("requested")
    assert digest is not None
    (gap,) = record_in(outbox, digest).watched.gaps
    assert gap.cause is Unwatched.NOT_GRANTED
    watch.end()
