"""Errors that a measurement raises on purpose.

    OmegaError
      + TestPointLostError     technician: the line, or the test point behind it, is gone
      + TestPointRefusedError  the test point said no; its code says who can mend it

A measurement task turns both into the way it ended; only who opens a session sees them.
"""

from __future__ import annotations

from omega_core.errors import ExitCode, RefusedError, UnreachableError
from omega_core.evidence import Ended


class TestPointLostError(UnreachableError):
    """The test point is gone, silent, or speaks something else than this protocol.

    `ended` is how the task under way ends because of it: LINK_LOST when nothing comes through,
    TEST_POINT_LOST when the host is there and its test point is not.
    """

    __test__ = False  # not a pytest class
    who_acts = "technician: check the line; if it is up, ask the operator about the test point"

    def __init__(self, detail: str, ended: Ended) -> None:
        super().__init__(detail)
        self.ended = ended


class TestPointRefusedError(RefusedError):
    """The test point refused a grant, a request or a flow; `code` is one of docs/protocol.md."""

    __test__ = False  # not a pytest class
    exit_code = ExitCode.UNAVAILABLE

    def __init__(self, code: str, detail: str, retry_after_s: int | None) -> None:
        super().__init__(code, f"the test point refused: {detail}", _who_acts(code))
        self.retry_after_s = retry_after_s


def _who_acts(code: str) -> str:
    match code:
        case "busy":
            return "nobody: measure again when the test point has room"
        case "grant_expired" | "grant_spent" | "grant_early" | "grant_other_address":
            return "whoever runs the measurement: start it again, a new grant is asked for"
        case "limit":
            return "operator: the grant allows less than this measurement takes"
        case _:
            return "operator: do the test point and the server belong together?"
