"""A folder of records, checked together: `omega verify FOLDER`.

Theory of operation. Each file is checked by itself (`omega_agent.verify`), and little is kept of
it, so that thousands fit. Then the records are held against each other. A device counts every grant
it uses (`chain.seq`) and names its record before (`chain.prev`):

    chain    two records of a device have one number, or one names another predecessor than the
             record that stands before it here: both can't have come about as they say

Numbers that are missing between the first and the last of a device are attempts whose records are
not here. They are told and not judged: somebody may have chosen what is in the folder, and that is
just what a reader should know. Keys made for one run have no chain. What a device has watched is a
chain of its own, of which only what is missing is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from omega_agent.verify_report import KeyDoubt, Standing, Unchecked, VerifyReport
from omega_core.facts import INTEGER_MAX, Version1
from omega_core.limits import FOLDER_FILES_MAX
from omega_core.models import Digest, Id, StrictModel

_Count = Annotated[int, Field(ge=0, le=FOLDER_FILES_MAX)]
_Seq = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
What = Literal["availability", "measurement"]
_Text = Annotated[str, Field(max_length=4_096)]


class FileFinding(StrictModel):
    """One file that is not valid and trusted, and why; `path` is relative to the folder."""

    path: _Text
    standing: Standing
    failed: str | None
    detail: _Text
    unchecked: tuple[Unchecked, ...]
    key_doubts: tuple[KeyDoubt, ...]
    digest: Digest | None


class Missing(StrictModel):
    """Attempts of a device, from one number to another, whose records are not in the folder.

    Of a watch (`what` is `availability`) they are windows of time.
    """

    agent_id: Id
    what: What = "measurement"
    first_seq: _Seq
    last_seq: _Seq


class FolderReport(StrictModel):
    """What `omega verify FOLDER --json` prints; `files` is how many were checked."""

    schema_version: Version1 = 1
    files: _Count
    valid_and_trusted: _Count
    valid_key_not_trusted: _Count
    invalid: _Count
    findings: tuple[FileFinding, ...]
    missing: tuple[Missing, ...]

    @property
    def standing(self) -> Standing:
        """The worst of any file."""
        if self.invalid:
            return Standing.INVALID
        return Standing.NOT_TRUSTED if self.valid_key_not_trusted else Standing.TRUSTED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """What is kept of a file. A record without a chain has no `agent_id`."""

    finding: FileFinding
    what: What = "measurement"
    agent_id: str | None = None
    seq: int = 0
    prev: str | None = None


_Chains: TypeAlias = dict[tuple[str, What], list[_Checked]]


def folder_report(
    files: Iterable[tuple[str, bytes | None]], check: Callable[[bytes], VerifyReport]
) -> FolderReport:
    """Return what can be said of these files, given by relative path and content.

    None stands for a file that can't be read. `check` is `verify` with the keys that are trusted.
    """
    checked = [_checked(path, content, check) for path, content in files]
    chains = _chains(checked)
    spoiled = dict(_spoiled(chains))
    found = [spoiled.get(each.finding.path, each.finding) for each in checked]
    counted = [each.standing for each in found]
    return FolderReport(
        files=len(found),
        valid_and_trusted=counted.count(Standing.TRUSTED),
        valid_key_not_trusted=counted.count(Standing.NOT_TRUSTED),
        invalid=counted.count(Standing.INVALID),
        findings=tuple(each for each in found if each.standing is not Standing.TRUSTED),
        missing=tuple(_missing(chains)),
    )


def _checked(path: str, content: bytes | None, check: Callable[[bytes], VerifyReport]) -> _Checked:
    if content is None:
        report = VerifyReport(failed="file", detail="it can't be read")
    else:
        report = check(content)
    finding = FileFinding(
        path=path,
        standing=report.standing,
        failed=report.failed,
        detail=report.detail,
        unchecked=tuple(report.unchecked),
        key_doubts=tuple(report.doubts),
        digest=report.digest,
    )
    record, watched = report.record, report.watched
    if watched is not None and report.standing is not Standing.INVALID:
        return _Checked(
            finding=finding,
            what="availability",
            agent_id=watched.agent.id,
            seq=watched.seq,
            prev=watched.prev,
        )
    if record is None or report.standing is Standing.INVALID:
        return _Checked(finding=finding)
    return _Checked(
        finding=finding, agent_id=record.agent.id, seq=record.chain.seq, prev=record.chain.prev
    )


def _chains(checked: Iterable[_Checked]) -> _Chains:
    """Return the records of each device by their number; the same record twice counts once."""
    chains: defaultdict[tuple[str, What], dict[str | None, _Checked]] = defaultdict(dict)
    for each in checked:
        if each.agent_id is not None:
            chains[each.agent_id, each.what].setdefault(each.finding.digest, each)
    return {
        name: sorted(chains[name].values(), key=lambda each: each.seq) for name in sorted(chains)
    }


def _spoiled(chains: _Chains) -> Iterator[tuple[str, FileFinding]]:
    """Yield the files whose records contradict another one's, and what they come to by that."""
    for (_, what), chain in chains.items():
        if what == "availability":
            continue  # a watch whose journal was lost counts from nothing again
        for before, after in pairwise(chain):
            if after.seq == before.seq:
                detail = f"two records of this device have number {after.seq}"
                yield _contradicts(before, detail)
                yield _contradicts(after, detail)
            elif after.seq == before.seq + 1 and after.prev != before.finding.digest:
                detail = f"it names another record before it than number {before.seq}"
                yield _contradicts(after, detail)


def _contradicts(each: _Checked, detail: str) -> tuple[str, FileFinding]:
    spoiled = {"standing": Standing.INVALID, "failed": "chain", "detail": detail}
    return each.finding.path, each.finding.model_copy(update=spoiled)


def _missing(chains: _Chains) -> Iterator[Missing]:
    for (agent_id, what), chain in chains.items():
        for before, after in pairwise(chain):
            if after.seq > before.seq + 1:
                yield Missing(
                    agent_id=agent_id,
                    what=what,
                    first_seq=before.seq + 1,
                    last_seq=after.seq - 1,
                )
