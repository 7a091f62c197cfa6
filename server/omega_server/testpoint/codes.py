"""Why a test point says no: stable codes, one sentence each. docs/protocol.md has the remedies."""

from __future__ import annotations

from enum import StrEnum

from omega_core.wire.testpoint import Refused


class Code(StrEnum):
    """The codes of `Refused`; never renamed."""

    GRANT_INVALID = "grant_invalid"
    GRANT_UNKNOWN_KEY = "grant_unknown_key"
    GRANT_EXPIRED = "grant_expired"
    GRANT_EARLY = "grant_early"
    GRANT_SPENT = "grant_spent"
    GRANT_OTHER_ADDRESS = "grant_other_address"
    GRANT_OTHER_TEST_POINT = "grant_other_test_point"
    BUSY = "busy"
    PROTOCOL = "protocol"
    LIMIT = "limit"


class RefusalError(Exception):
    """No, and what to tell the probe."""

    def __init__(self, code: Code, detail: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.message = Refused(code=code.value, detail=detail, retry_after_s=retry_after_s)
