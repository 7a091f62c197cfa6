"""What `omega verify` found, as data; how it is told is `omega_agent.show_verify`'s business."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum

from omega_core.availability_record import AvailabilityRecord
from omega_core.control import Receipt
from omega_core.errors import ExitCode
from omega_core.key_history import KeyState
from omega_core.log.checkpoint import Checkpoint
from omega_core.models import content_of
from omega_core.record import Record
from omega_core.verdict import Verdict


class Standing(StrEnum):
    """The three things that can be said of a file; never "valid" alone."""

    TRUSTED = "valid_and_trusted"
    NOT_TRUSTED = "valid_key_not_trusted"
    INVALID = "invalid"


EXIT_CODE_OF_STANDING = {
    Standing.TRUSTED: ExitCode.ACCEPTED,
    Standing.NOT_TRUSTED: ExitCode.NOT_TRUSTED,
    Standing.INVALID: ExitCode.NOT_VALID,
}


class Unchecked(StrEnum):
    """What could not be checked with what the file and the trusted keys offer."""

    SERVER_KEY_UNKNOWN = "server_key_unknown"
    AGENT_KEY_NOT_VOUCHED = "agent_key_not_vouched"
    NO_RECEIPT = "no_receipt"
    NO_GRANT = "no_grant"
    NO_OBSERVATION = "no_observation"
    NO_PROFILE = "no_profile"
    NO_PROOF = "no_proof"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDoubt:
    """A key that was not good when it counted; `since_unix_us` is since when, or when it was made.

    `role` is agent, test_point or server.
    """

    role: str
    kid: str
    state: KeyState
    since_unix_us: int | None


@dataclass(slots=True)
class VerifyReport:
    """What was found. `failed` names the first check that failed, `passed` those before it."""

    standing: Standing = Standing.INVALID
    failed: str | None = None
    detail: str = ""
    passed: list[str] = field(default_factory=list)
    unchecked: list[Unchecked] = field(default_factory=list)
    doubts: list[KeyDoubt] = field(default_factory=list)
    kind: str = "record"
    digest: str | None = None
    record: Record | None = None
    watched: AvailabilityRecord | None = None
    """What a watch saw, in place of a record."""
    receipt: Receipt | None = None
    verdict: Verdict | None = None
    """The judge's verdict on the facts, made again now."""
    logged: Checkpoint | None = None
    """The log that the record was shown to be in."""

    def content(self) -> dict[str, object]:
        """Return the report as plain JSON values, with the record and receipt that it is about."""
        return {
            "schema_version": 1,
            "standing": self.standing,
            "failed": self.failed,
            "detail": self.detail,
            "passed": list(dict.fromkeys(self.passed)),
            "unchecked": list(self.unchecked),
            "key_doubts": [asdict(each) for each in self.doubts],
            "kind": self.kind,
            "digest": self.digest,
            "verdict": self.verdict,
            "record": None if self.record is None else content_of(self.record),
            "availability": None if self.watched is None else content_of(self.watched),
            "receipt": None if self.receipt is None else content_of(self.receipt),
            "log": None if self.logged is None else _log_content(self.logged),
        }


def _log_content(tree: Checkpoint) -> dict[str, object]:
    return {"origin": tree.origin, "size": tree.size, "root": tree.root.hex()}
