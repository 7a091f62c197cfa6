"""From the outbox to the Collector: post, check the receipt, only then forget.

Theory of operation. One pass sends each waiting record once, oldest first: the observation of its
session, then the record. What comes back decides its fate:

    receipt that holds              bundle kept in records/, item forgotten
    refused for good (4xx)          item set aside with the refusal's code, never sent again
    later (429, 5xx, in progress)   stays; the pass goes on
    not as an Omega server answers  stays; the pass goes on, but not with that server for ever
    nobody                          stays, and so do the others for that server

With the receipt the proof is fetched that the record is in the server's log, and kept with the
bundle (`omega_agent.log_proof`); no failure to get it changes anything.

A pass holds the outbox's sending lock, so two processes never send the same record at once; if one
does send it twice, after a crash, the Collector takes it once and gives the same receipt. `drain`
makes passes with pauses that double and are drawn at random, so that a thousand agents whose server
comes back don't arrive together; its caller owns clock and randomness.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from omega_agent.errors import (
    BusyError,
    NoAnswerError,
    NotTrustedError,
    WrongAnswerError,
    WrongUseError,
)
from omega_agent.log_findings import NOT_PROVED, LogSource, Prove, Proved, Rewritten
from omega_agent.outbox import Outbox, Waiting
from omega_agent.records import Records
from omega_agent.server_keys import receipt_key
from omega_agent.waiting_record import DamagedItemError, WaitingRecord, parse_waiting
from omega_core.bundle import Bundle
from omega_core.canonical import NotPlainJsonError, digest_hex
from omega_core.clock import Clock
from omega_core.control import Receipt, ServerInfo
from omega_core.envelope import (
    EnvelopeError,
    PayloadType,
    keys_by_id,
    open_sealed,
    parse_envelope,
)
from omega_core.errors import OmegaError, RefusedError, StorageError
from omega_core.keys import PublicKey
from omega_core.limits import OUTBOX_RETRY_S_MAX, OUTBOX_RETRY_S_MIN
from omega_core.models import ContentError, parse_model
from omega_core.units import NS_PER_S

_WRONG_ANSWERS_MAX = 3  # one record may meet a defect of the server; three have met no server


class Collector(LogSource, Protocol):
    """Where records are posted; `Uplink` is one. What it raises: see there."""

    def server_info(self) -> ServerInfo:
        """Return what the server says of itself."""
        ...

    def post_observation(self, envelope: bytes) -> None:
        """Post what the test point signed; again changes nothing."""
        ...

    def post_record(self, envelope: bytes, digest: str) -> bytes:
        """Post a sealed record; return the sealed receipt, not checked here."""
        ...

    def post_availability(self, envelope: bytes, digest: str) -> bytes:
        """Post what a watch saw, sealed; return the sealed receipt, not checked here."""
        ...


Connect = Callable[[WaitingRecord], AbstractContextManager[Collector]]
"""Opens the way to the server an item belongs to."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A receipt that was checked, as it came and as it reads; and what the log shows."""

    sealed: bytes
    receipt: Receipt
    key_rotations: tuple[str, ...] = ()
    """Those of the server's key that were followed to check it."""
    proved: Proved = NOT_PROVED

    def completed(self, item: WaitingRecord) -> Bundle:
        """Return the item's bundle with receipt and proof, and what leads to their keys."""
        rotations = (*self.key_rotations, *self.proved.key_rotations)
        return item.with_receipt(self.sealed, self.proved.text, rotations)


@dataclass(slots=True)
class Passed:
    """What one pass came to, by record digest."""

    posted: dict[str, Posted] = field(default_factory=dict)
    refused: dict[str, RefusedError] = field(default_factory=dict)
    later: dict[str, OmegaError] = field(default_factory=dict)
    bundles_not_kept: int = 0
    rewritten: dict[str, Rewritten] = field(default_factory=dict)
    """Logs that are not what they were, by name."""
    elsewhere: bool = False
    """Another process was sending: nothing was done."""

    def add(self, later: Passed) -> None:
        """Add what came later: it knows best what waits, and why."""
        self.posted.update(later.posted)
        self.refused.update(later.refused)
        self.bundles_not_kept += later.bundles_not_kept
        self.rewritten.update(later.rewritten)
        self.later, self.elsewhere = later.later, later.elsewhere

    @property
    def retry_after_s(self) -> int:
        """The longest pause that the server asked for; 0 when it didn't."""
        asked = (
            each.retry_after_s or 0 for each in self.later.values() if isinstance(each, BusyError)
        )
        return max(asked, default=0)


class Backoff:
    """Pauses between passes: doubled each time, and drawn at random from the upper half."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._longest_s = OUTBOX_RETRY_S_MIN

    def next_s(self, *, at_least_s: int = 0) -> float:
        """Return the next pause, in seconds."""
        pause_s = self._rng.uniform(self._longest_s / 2, self._longest_s)
        self._longest_s = min(2 * self._longest_s, OUTBOX_RETRY_S_MAX)
        return max(pause_s, at_least_s)


class Reporter:
    """Sends what waits in one outbox."""

    def __init__(self, outbox: Outbox, connect: Connect, records: Records, prove: Prove) -> None:
        self._outbox = outbox
        self._connect = connect
        self._records = records
        self._prove = prove

    def send_pending(
        self, *, first: str | None = None, enough: Callable[[], bool] = lambda: False
    ) -> Passed:
        """Make one pass; raises StorageError when the disk fails, and nothing else.

        The record `first` goes before the older ones. `enough` is asked before each other record
        and ends the pass when it says so.
        """
        passed = Passed()
        wrong: Counter[str] = Counter()
        with self._outbox.sending() as mine:
            passed.elsewhere = not mine
            for waiting in self._ordered(first) if mine else ():
                if waiting.record_id != first and enough():
                    break
                self._send(waiting, passed, wrong)
        return passed

    def drain(
        self, *, wait_s: int, clock: Clock, rng: random.Random, pause: Callable[[float], bool]
    ) -> Passed:
        """Make passes until nothing waits or `wait_s` is over; return what they came to together.

        `pause` waits so many seconds and says whether to give up before.
        """
        backoff, total = Backoff(rng), Passed()
        deadline_ns = clock.monotonic_ns() + wait_s * NS_PER_S
        while True:
            passed = self.send_pending()
            total.add(passed)
            pause_s = backoff.next_s(at_least_s=passed.retry_after_s)
            left_s = (deadline_ns - clock.monotonic_ns()) / NS_PER_S
            if not (passed.later or passed.elsewhere) or pause_s > left_s or pause(pause_s):
                return total

    def _ordered(self, first: str | None) -> Iterator[Waiting]:
        """Yield what waits, the record `first` before the others."""
        if first is not None and (waiting := self._outbox.get(first)) is not None:
            yield waiting
        yield from (each for each in self._outbox.pending() if each.record_id != first)

    def _send(self, waiting: Waiting, passed: Passed, wrong: Counter[str]) -> None:
        """Send one item and settle what becomes of it; `wrong` counts failures by server."""
        try:
            item = parse_waiting(waiting.content)
        except DamagedItemError:
            self._outbox.refuse(waiting.record_id, "item_damaged")
            passed.refused[waiting.record_id] = _damaged()
            return
        if wrong[item.server_url] >= _WRONG_ANSWERS_MAX:
            return
        try:
            with self._connect(item) as collector:
                posted = post(item, collector, self._prove)
        except RefusedError as error:
            if isinstance(error, BusyError):
                passed.later[item.digest] = error
            else:
                self._outbox.refuse(item.digest, error.code)
                passed.refused[item.digest] = error
        except (NoAnswerError, WrongAnswerError, WrongUseError) as error:
            passed.later[item.digest] = error
            silent = isinstance(error, NoAnswerError)
            wrong[item.server_url] += _WRONG_ANSWERS_MAX if silent else 1
        else:
            passed.posted[item.digest] = posted
            if (rewritten := posted.proved.rewritten) is not None:
                passed.rewritten[rewritten.origin] = rewritten
            self._settle(item, posted, passed)

    def _settle(self, item: WaitingRecord, posted: Posted, passed: Passed) -> None:
        """Keep the bundle with its receipt, then forget the item: the server has it now.

        A disk too full for the bundle does not keep the item waiting: the server would be asked for
        the same receipt for ever.
        """
        try:
            self._records.keep(item.digest, posted.completed(item))
        except StorageError:
            passed.bundles_not_kept += 1
        self._outbox.acknowledge(item.digest)


def post(item: WaitingRecord, collector: Collector, prove: Prove) -> Posted:
    """Post one record and return its receipt, once it has been checked, with the log's proof.

    Raises what the Collector raises, and NotTrustedError for a receipt that does not hold.
    """
    if item.bundle.observation is not None:
        _post_observation(item.bundle.observation, collector)
    post_it = collector.post_availability if item.is_availability else collector.post_record
    sealed = post_it(item.bundle.record.encode("utf-8"), item.digest)
    server = receipt_key(sealed, PublicKey.from_text(item.server_key), collector)
    receipt = open_receipt(sealed, item, server.key)
    return Posted(sealed, receipt, server.rotations, prove(receipt, server.key, collector))


def open_receipt(sealed: bytes, item: WaitingRecord, server_key: PublicKey) -> Receipt:
    """Return the receipt in these bytes; raises NotTrustedError unless it is for this record."""
    keys = keys_by_id([server_key])
    try:
        payload = open_sealed(parse_envelope(sealed), PayloadType.RECEIPT, keys)
        receipt = parse_model(Receipt, payload)
    except (EnvelopeError, NotPlainJsonError, ContentError) as error:
        raise NotTrustedError("receipt", why=error) from None
    if receipt.record_digest != item.digest:
        raise NotTrustedError("receipt", why="it is for another record")
    if receipt.envelope_digest != digest_hex(item.bundle.record.encode("utf-8")):
        raise NotTrustedError("receipt", why="it is for another envelope")
    return receipt


def _post_observation(observation: str, collector: Collector) -> None:
    """Post the other observer's counts; if they are refused the record is still a record."""
    try:
        collector.post_observation(observation.encode("utf-8"))
    except BusyError:
        raise
    except RefusedError:
        return


def _damaged() -> RefusedError:
    return RefusedError(
        "item_damaged",
        "a file of the outbox is damaged; it was set aside",
        "operator of this machine: look at the disk",
    )
