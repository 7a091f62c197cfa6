"""Asks name servers directly, each by itself: which of them answers, how soon, and what.

Theory of operation. The C library hides which server it asked and how often; so each server that
the host is configured with is asked here by UDP, all questions at once and each again after a
second, until every one has an answer or two seconds have passed since the last. Servers are asked
side by side, one thread and one socket each.

Where the host's own configuration only names a resolver on the host itself (systemd-resolved), the
servers behind it are in a file of its own, and are asked too.
"""

from __future__ import annotations

import errno
import select
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from omega_core import limits
from omega_core.facts import Family
from omega_core.path import NameOutcome, NameQuestion, NameServer, NameServerSource
from omega_core.units import NS_PER_S, NS_PER_US
from omega_probe.attempts import SOCKET_FAMILY, literal_address
from omega_probe.dns_wire import (
    RECORD_TYPES,
    NameAnswer,
    NotAnAnswerError,
    parse_answer,
    question_bytes,
)
from omega_probe.waiting import Waiter

if TYPE_CHECKING:
    from pathlib import Path

PORT: Final = 53
AGAIN_NS: Final = NS_PER_S
SENDS_MAX: Final = 2
_FILES: Final = ("etc/resolv.conf", "run/systemd/resolve/resolv.conf")
_RECEIVE_OCTETS: Final = 4_096


def configured_servers(root: Path) -> tuple[str, ...]:
    """Return the addresses of the host's name servers, in its order."""
    found: dict[str, None] = {}
    for name in _FILES:
        try:
            text = (root / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        found.update(dict.fromkeys(parse_resolv_conf(text)))
    return tuple(found)[: limits.NAME_SERVERS_MAX]


def parse_resolv_conf(text: str) -> list[str]:
    """Return the addresses of `nameserver` lines; one on a link of its own has no use here."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver" and "%" not in words[1]:
            literal = literal_address(words[1])
            found += [] if literal is None else [literal[1]]
    return found


@dataclass(slots=True)
class _Question:
    """One question while it is open."""

    record_type: str
    octets: bytes
    sent_ns: list[int] = field(default_factory=list)
    outcome: NameOutcome = NameOutcome.TIMEOUT
    rtt_ns: int | None = None
    answer: NameAnswer | None = None
    is_open: bool = True

    def closed(self, outcome: NameOutcome) -> None:
        self.outcome, self.is_open = outcome, False


def ask_server(
    address: str,
    family: Family,
    name: str,
    known_from: NameServerSource,
    *,
    number: int,
    waiter: Waiter,
    port: int = PORT,
) -> NameServer:
    """Ask one server for both kinds of address of a name; `number` is the first question's id.

    Raises ValueError for a name that DNS can't carry.
    """
    questions = [
        _Question(kind, question_bytes((number + index) % (1 << 16), name, kind))
        for index, kind in enumerate(RECORD_TYPES)
    ]
    with socket.socket(SOCKET_FAMILY[family], socket.SOCK_DGRAM) as endpoint:
        endpoint.setblocking(False)  # noqa: FBT003 - the standard library's signature
        try:
            endpoint.connect((address, port))
        except OSError:
            for question in questions:
                question.closed(NameOutcome.NOT_SENT)
        _exchange(endpoint, questions, waiter)
    return NameServer(
        address=address,
        family=family,
        known_from=known_from,
        questions=tuple(_fact(question, name) for question in questions),
    )


def _exchange(endpoint: socket.socket, questions: list[_Question], waiter: Waiter) -> None:
    started_ns = waiter.clock.monotonic_ns()
    for sends in range(1, SENDS_MAX + 1):
        for question in _open(questions):
            _send(endpoint, question, questions, waiter)
        last = sends == SENDS_MAX
        after_ns = (sends - 1) * AGAIN_NS + (limits.NAME_WAIT_NS if last else AGAIN_NS)
        while _open(questions) and not waiter.stop.is_set():
            if not waiter.ready(endpoint, select.POLLIN, started_ns + after_ns):
                break
            _receive(endpoint, questions, waiter)


def _open(questions: list[_Question]) -> list[_Question]:
    return [question for question in questions if question.is_open]


def _send(
    endpoint: socket.socket, question: _Question, questions: list[_Question], waiter: Waiter
) -> None:
    try:
        endpoint.send(question.octets)
    except ConnectionRefusedError:  # the word is about one before, and so about the server
        _refuse(questions)
    except OSError as error:
        refused = error.errno in {errno.EHOSTUNREACH, errno.EACCES}
        if not question.sent_ns:
            question.closed(NameOutcome.REFUSED if refused else NameOutcome.NOT_SENT)
    else:
        question.sent_ns.append(waiter.clock.monotonic_ns())


def _receive(endpoint: socket.socket, questions: list[_Question], waiter: Waiter) -> None:
    try:
        data = endpoint.recv(_RECEIVE_OCTETS)
    except BlockingIOError:
        return
    except ConnectionRefusedError:
        _refuse(questions)
        return
    except OSError:
        return  # a router's word about a packet; the next sending may fare better
    now_ns = waiter.clock.monotonic_ns()
    for question in _open(questions):
        try:
            answer = parse_answer(data, question.octets)
        except NotAnAnswerError:
            question.outcome = NameOutcome.MALFORMED if _is_only(questions) else question.outcome
            continue
        question.answer, question.rtt_ns = answer, now_ns - question.sent_ns[-1]
        question.closed(NameOutcome.ANSWERED)
        return


def _refuse(questions: list[_Question]) -> None:
    for question in _open(questions):
        question.closed(NameOutcome.REFUSED)


def _is_only(questions: list[_Question]) -> bool:
    """Whether what came can't have been meant for another question."""
    return len(_open(questions)) == len(questions)


def _fact(question: _Question, name: str) -> NameQuestion:
    answer = question.answer
    return NameQuestion(
        name=name,
        record_type=question.record_type,
        outcome=question.outcome,
        sent=len(question.sent_ns),
        rtt_us=None if question.rtt_ns is None else question.rtt_ns // NS_PER_US,
        rcode=None if answer is None else answer.rcode,
        addresses=() if answer is None else answer.addresses,
        answers=0 if answer is None else answer.answers,
    )
