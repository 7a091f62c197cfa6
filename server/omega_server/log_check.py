"""`omega-server log check`: build the log again from the stored records, and compare.

Nothing that is stored about the log is believed: leaves are made of the records' bytes, the tree of
the leaves. The first entry that is not what was logged is named. Where every stored part fits every
other, and the root is still not the one that was signed, the whole log was rewritten, and only a
checkpoint kept elsewhere tells from where on: each that is at hand is compared.

    record gone or changed                    entry i
    record never logged                       its digest
    entry missing                             entry i
    hash of the tree changed                  entry i, with which the subtree became complete
    receipt of another place or record        entry i
    fewer entries than were signed for        cut
    another root than was signed              rewritten
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from omega_core.canonical import digest_hex
from omega_core.control import Receipt
from omega_core.envelope import EnvelopeError
from omega_core.keys import PublicKey
from omega_core.log.checkpoint import SignedCheckpoint, parse_checkpoint
from omega_core.log.errors import LogError
from omega_core.log.hashing import EntryKind, entry_hash
from omega_core.log.tree import Frontier, Node
from omega_server.envelopes import stored
from omega_server.store.port import Store
from omega_server.store.rows import LoggedRow

_AT_ONCE = 64  # records of a mebibyte each, at worst


@dataclass(frozen=True, slots=True)
class Difference:
    """What does not fit, and with which entry; None where no single entry can be named."""

    log_index: int | None
    what: str


@dataclass(slots=True)
class LogReport:
    """What the stored records make of the log."""

    origin: str
    signed_size: int
    entries: int = 0
    root: bytes = b""
    differences: list[Difference] = field(default_factory=list)


class _Made(NamedTuple):
    """A subtree that became complete with an entry."""

    log_index: int
    node: Node
    octets: bytes


def check_log(
    store: Store, *, keys: Sequence[PublicKey], kept: Sequence[SignedCheckpoint] = ()
) -> LogReport:
    """Build the log again; `kept` are checkpoints from elsewhere, `keys` those that may sign one.

    Without keys signatures are not checked. A difference that one entry shows ends the comparison
    with the stored entries: all hashes above it differ as well.
    """
    newest = parse_checkpoint(store.log.checkpoint())
    report = LogReport(newest.checkpoint.origin, newest.checkpoint.size)
    signed = [newest, *kept]
    roots = _rebuilt(store, report, {each.checkpoint.size for each in signed})
    if not report.differences and (digest := store.log.not_logged()) is not None:
        report.differences.append(Difference(None, f"record {digest} is not in the log"))
    for each in signed:
        _compare(each, roots, report, keys)
    return report


def _rebuilt(store: Store, report: LogReport, sizes: set[int]) -> dict[int, bytes]:
    """Return the roots at these sizes, as far as entries go; notes the first difference."""
    frontier = Frontier()
    roots = {0: frontier.root()}
    for rows in _pages(store):
        made: list[_Made] = []
        difference = None
        for row in rows:
            index = frontier.size
            what = _entry_difference(row, index, report.origin)
            if what is not None:
                difference = Difference(index, what)
                break
            leaf = entry_hash(EntryKind(row.kind), row.envelope_digest)
            made += [_Made(index, *each) for each in frontier.append(leaf)]
            if frontier.size in sizes:
                roots[frontier.size] = frontier.root()
        difference = _tree_difference(made, store) or difference
        if difference is not None:
            report.differences.append(difference)
            break
    report.entries, report.root = frontier.size, frontier.root()
    return roots


def _pages(store: Store) -> Iterator[Sequence[LoggedRow]]:
    first = 0
    while rows := store.log.entries(first, _AT_ONCE):
        yield rows
        first = rows[-1].log_index + 1


def _entry_difference(row: LoggedRow, index: int, origin: str) -> str | None:
    """Say what of the entry does not fit the stored record."""
    if row.log_index != index:
        return "the entry is missing"
    if row.envelope is None:
        return "its record is missing"
    if digest_hex(row.envelope) != row.envelope_digest:
        return "its record is not the one that was logged"
    return _receipt_difference(row, origin)


def _tree_difference(made: Sequence[_Made], store: Store) -> Difference | None:
    """Return the first of these subtrees that is stored otherwise."""
    try:
        if store.log.read([each.node for each in made]) == [each.octets for each in made]:
            return None
    except LookupError:
        pass
    for each in made:
        try:
            kept = store.log.read([each.node])
        except LookupError:
            return Difference(each.log_index, "a hash of the tree is missing")
        if kept != [each.octets]:
            what = "a hash of the tree is another than its records give"
            return Difference(each.log_index, what)
    return None


def _receipt_difference(row: LoggedRow, origin: str) -> str | None:
    """Say whether the receipt that went out names another place; older ones name none."""
    try:
        receipt = stored(Receipt, row.receipt or b"")
    except (EnvelopeError, ValueError):
        return "its receipt can't be read"
    if receipt.envelope_digest != row.envelope_digest:
        return "its receipt is of another record"
    if receipt.log is not None and (receipt.log.origin, receipt.log.index) != (
        origin,
        row.log_index,
    ):
        return "its receipt names another place"
    return None


def _compare(
    signed: SignedCheckpoint, roots: dict[int, bytes], report: LogReport, keys: Sequence[PublicKey]
) -> None:
    """Compare what was signed with what the records give."""
    tree = signed.checkpoint
    name = f"the checkpoint of {tree.size} entries"
    wrong: str | None = None
    if tree.origin != report.origin:
        wrong = f"{name} is of another log"
    elif not _is_signed(signed, keys):
        wrong = f"{name} is not signed by this server"
    elif tree.size not in roots:
        if not any(each.log_index is not None for each in report.differences):
            wrong = f"the log was cut: {report.entries} entries, {tree.size} were signed for"
    elif roots[tree.size] != tree.root:
        wrong = f"the log was rewritten: {name} has another root"
    if wrong is not None:
        report.differences.append(Difference(None, wrong))


def _is_signed(signed: SignedCheckpoint, keys: Sequence[PublicKey]) -> bool:
    try:
        return not keys or signed.is_signed_by_log(keys)
    except LogError:
        return False
