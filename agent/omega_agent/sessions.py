"""What the commands that measure have in common, from the first packet to the receipt.

    ask_for        reach the server and ask it for a session
    carry_out      measure; or say what can't be reached
    seal_and_keep  seal the record and put it in the outbox, durably
    deliver        post it, and what waits from earlier

The record is in the outbox before anything is posted, so whatever happens from there on it is sent
later. Only when the disk does not take it is it posted from memory; and only when that fails too is
it lost, which is then said.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from omega_agent.device import Device
from omega_agent.errors import BusyError, NoAnswerError, NotTrustedError, WrongAnswerError
from omega_agent.home import Home
from omega_agent.identity import Chained, pin_again
from omega_agent.interrupts import Interrupts
from omega_agent.log_findings import LogSource, Proved, Rewritten
from omega_agent.measuring import (
    Held,
    Inquiry,
    Measurer,
    ask,
    ask_aside,
    families_reached,
    measure,
    measure_without_grant,
    reach,
)
from omega_agent.outbox import Outbox
from omega_agent.outbox_directory import DirectoryOutbox
from omega_agent.records import Records
from omega_agent.reporter import Posted, Reporter, post
from omega_agent.sealing import SealedRecord, seal_record
from omega_agent.server_keys import ServerKey
from omega_agent.server_url import parse_server_url
from omega_agent.session_request import Granted, Wanted
from omega_agent.steering import TellFirst
from omega_agent.uplink import Uplink
from omega_agent.waiting_record import DamagedItemError, WaitingRecord, parse_waiting
from omega_core.bundle import Bundle
from omega_core.clock import Clock
from omega_core.control import Receipt
from omega_core.errors import OmegaError, RefusedError, StorageError
from omega_core.evidence import Attempt, Family
from omega_core.keys import PublicKey
from omega_core.record import Chain
from omega_core.units import NS_PER_S
from omega_probe.events import Emitter
from omega_probe.session import load_session

_LOOK_AGAIN_S = 0.2  # while another process sends
_EARLIER_S = 10  # for records of earlier runs, after our own; the rest goes with the next command


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What a command works with: put together in `omega_agent.cli`, and by tests."""

    home: Home
    clock: Clock
    software: str
    emit: Emitter
    tell_first: TellFirst
    interrupts: Interrupts

    @property
    def outbox(self) -> Outbox:
        """The outbox on this device's disk."""
        return DirectoryOutbox(self.home.outbox)

    @property
    def watch_outbox(self) -> Outbox:
        """The outbox of the availability watch."""
        return DirectoryOutbox(self.home.watch_outbox)

    @property
    def outboxes(self) -> tuple[Outbox, ...]:
        """All that is to be posted: measurements, then what was watched."""
        return self.outbox, self.watch_outbox

    @property
    def reporter(self) -> Reporter:
        """What sends the outbox."""
        return Reporter(self.outbox, self.connect, Records(self.home.records), self.prove)

    @property
    def reporters(self) -> tuple[Reporter, ...]:
        """What sends each of the outboxes, in their order."""
        kept = Records(self.home.watch_records)
        watch = Reporter(self.watch_outbox, self.connect, kept, self.prove)
        return self.reporter, watch

    @property
    def waiting(self) -> int:
        """How many records wait to be posted."""
        return sum(1 for outbox in self.outboxes for _ in outbox.pending())

    def prove(self, receipt: Receipt, key: PublicKey, source: LogSource) -> Proved:
        """Ask the server's log about a posted record: `omega_agent.log_findings.Prove`."""
        from omega_agent.log_memory import LogMemory  # noqa: PLC0415 - see log_findings
        from omega_agent.log_proof import prove  # noqa: PLC0415 - see log_findings

        return prove(receipt, key, source, memory=LogMemory(self.home.log))

    def uplink(self, device: Device) -> Uplink:
        """Return the way to the device's server; raises WrongUseError when it must not be used."""
        return Uplink(
            device.server, software=self.software, clock=self.clock, insecure=device.insecure
        )

    @contextmanager
    def connect(self, item: WaitingRecord) -> Iterator[Uplink]:
        """Open the way to the server an item of the outbox belongs to."""
        server = parse_server_url(item.server_url)
        with Uplink(
            server, software=self.software, clock=self.clock, insecure=item.insecure
        ) as uplink:
            yield uplink


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of asking: a grant, or why there is none, and what was seen on the way."""

    wanted: Wanted
    attempts: tuple[Attempt, ...]
    chain: Chain
    granted: Granted | None = None
    failure: OmegaError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A sealed record; `item` is None when no server is known that it could be posted to."""

    sealed: SealedRecord
    item: WaitingRecord | None
    in_outbox: bool
    not_kept: StorageError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a record after it was sealed.

    Exactly one of `posted`, `refused` and `later` says how posting ended; all are None when it was
    not tried. `waiting` is true while the outbox has it. `rewritten` are logs that are not what
    this device has seen of them before.
    """

    posted: Posted | None = None
    refused: RefusedError | None = None
    later: OmegaError | None = None
    waiting: bool = False
    rewritten: tuple[Rewritten, ...] = ()
    earlier_posted: int = 0
    earlier_refused: int = 0

    @property
    def receipt(self) -> Receipt | None:
        """The receipt, if it came."""
        return self.posted.receipt if self.posted else None


def ask_for(wanted: Wanted, device: Device, place: Workplace) -> Asked:
    """Reach the server and ask; silence is an answer too, and leads to an `Asked` without grant.

    It is asked beside the attempts to reach it, so that a long way is gone as few times as can be.
    Raises RefusedError when the server says no, WrongUseError, NotTrustedError, KeyboardInterrupt:
    nothing has been used up then, but for a grant that was under way when the attempts were broken
    off.
    """
    with place.uplink(device) as uplink:
        inquiry = Inquiry(uplink, device.server, pinned=device.server_key)
        chain = device.chain.next(_newest(place.outbox))
        reached: Future[tuple[Family, ...]] = Future()
        answer = ask_aside(
            partial(
                ask,
                wanted,
                measurer_of(device, place),
                uplink,
                inquiry=inquiry,
                reached=reached,
                seq=chain.seq,
                clock=place.clock,
            )
        )
        load_session()  # before the attempts, whose times it would falsify
        try:
            attempts = reach(
                device.server, clock=place.clock, emit=place.emit, interrupts=place.interrupts
            )
        except BaseException as error:
            reached.set_exception(error)  # what has not been asked for yet is not asked for
            raise
        reached.set_result(families_reached(attempts))
        try:
            granted = answer.result()
        except NotTrustedError:
            raise
        except (NoAnswerError, WrongAnswerError) as error:
            return Asked(wanted=wanted, attempts=attempts, chain=chain, failure=error)
    if device.agent_id is not None and granted.key_rotations:
        server = ServerKey(key=granted.server_key, rotations=granted.key_rotations)
        with suppress(StorageError):  # a disk that is full is asked again next time
            pin_again(place.home, server)
    return Asked(wanted=wanted, attempts=attempts, chain=chain, granted=granted)


def carry_out(
    asked: Asked,
    device: Device,
    place: Workplace,
    *,
    judged: bool,
    until_decided: bool = False,
    stop: threading.Event,
) -> Held:
    """Measure with the grant, or look at what can't be reached; `stop` ends it in good order.

    `judged` runs stop before data is spent when the host spoils them, and count an attempt on a
    dead line too, for it leads to a record. `until_decided`: see `measure`. Raises StorageError
    before anything is measured.
    """
    if asked.granted is not None:
        device.chain.use(asked.chain)
        result = measure(
            asked.granted,
            asked.attempts,
            stop_when_invalid=judged,
            until_decided=until_decided,
            tell_first=place.tell_first,
            clock=place.clock,
            emit=place.emit,
            stop=stop,
        )
    else:
        if judged:
            device.chain.use(asked.chain)
        result = measure_without_grant(
            device.server, asked.attempts, clock=place.clock, emit=place.emit
        )
    return Held(wanted=asked.wanted, result=result, granted=asked.granted, failure=asked.failure)


def measurer_of(device: Device, place: Workplace) -> Measurer:
    """Return who signs."""
    return Measurer(
        key=device.key, agent_id=device.agent_id, server=device.server, software=place.software
    )


def seal_and_keep(held: Held, chain: Chain, device: Device, place: Workplace) -> Kept:
    """Seal the record, and put that of an enrolled device in the outbox.

    A disk that does not take it is told in the result: the record can still be posted.
    """
    sealed = seal_record(
        held,
        measurer_of(device, place),
        chain=chain,
        statement=device.statement,
        key_events=device.key_events,
    )
    item = _item(sealed, held, device)
    if item is None or device.agent_id is None:
        return Kept(sealed=sealed, item=item, in_outbox=False)
    try:
        place.outbox.put(item.digest, item.to_bytes())
    except StorageError as error:
        return Kept(sealed=sealed, item=item, in_outbox=False, not_kept=error)
    with suppress(StorageError):  # the outbox says it too, see `DeviceChain.next`
        device.chain.sealed(chain, sealed.digest)
    return Kept(sealed=sealed, item=item, in_outbox=True)


def deliver(kept: Kept, place: Workplace) -> Delivery:
    """Post the record and what waits from earlier; raises nothing for what the network does."""
    if kept.item is None:
        return Delivery()
    if not kept.in_outbox:
        return _post_from_memory(kept.item, place)
    digest, enough = kept.item.digest, _after(_EARLIER_S, place.clock)
    passed = place.reporter.send_pending(first=digest, enough=enough)
    while passed.elsewhere and not enough() and not place.interrupts.stop.wait(_LOOK_AGAIN_S):
        passed = place.reporter.send_pending(first=digest, enough=enough)
    posted, refused = passed.posted.get(digest), passed.refused.get(digest)
    return Delivery(
        posted=posted,
        refused=refused,
        later=passed.later.get(digest),
        waiting=posted is None and refused is None,
        rewritten=tuple(passed.rewritten.values()),
        earlier_posted=len(passed.posted.keys() - {digest}),
        earlier_refused=len(passed.refused.keys() - {digest}),
    )


def deliver_earlier(place: Workplace) -> Delivery:
    """Post what waits from earlier runs, for as long as that may take."""
    passed = place.reporter.send_pending(enough=_after(_EARLIER_S, place.clock))
    return Delivery(
        earlier_posted=len(passed.posted),
        earlier_refused=len(passed.refused),
        rewritten=tuple(passed.rewritten.values()),
    )


def complete_bundle(kept: Kept, delivery: Delivery) -> Bundle:
    """Return the record's bundle, with the receipt if it came."""
    if kept.item is None or delivery.posted is None:
        return kept.sealed.bundle
    return delivery.posted.completed(kept.item)


def _post_from_memory(item: WaitingRecord, place: Workplace) -> Delivery:
    try:
        with place.connect(item) as collector:
            posted = post(item, collector, place.prove)
            found = posted.proved.rewritten
            return Delivery(posted=posted, rewritten=(found,) if found else ())
    except BusyError as error:
        return Delivery(later=error)
    except RefusedError as error:
        return Delivery(refused=error)
    except (NoAnswerError, WrongAnswerError) as error:
        return Delivery(later=error)


def _item(sealed: SealedRecord, held: Held, device: Device) -> WaitingRecord | None:
    server_key = held.granted.server_key if held.granted else device.server_key
    if server_key is None:
        return None
    return WaitingRecord(
        digest=sealed.digest,
        server_url=str(device.server),
        insecure=device.insecure,
        server_key=server_key.text,
        bundle=sealed.bundle,
    )


def _newest(outbox: Outbox) -> Chained | None:
    """Return the place of the last record in the outbox, as far as it can be read."""
    waiting = outbox.newest()
    if waiting is None:
        return None
    try:
        chain = parse_waiting(waiting.content).opened().chain
    except DamagedItemError:
        return None
    return Chained(chain.seq, waiting.record_id)


def _after(seconds: int, clock: Clock) -> Callable[[], bool]:
    """Return what says, once so many seconds have passed from now, that it is enough."""
    deadline_ns = clock.monotonic_ns() + seconds * NS_PER_S
    return lambda: clock.monotonic_ns() > deadline_ns
