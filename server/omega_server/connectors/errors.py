"""What a delivery may come to other than being done.

NotDeliveredError
  + LaterError       the system is busy, away or broken: the same again, later
  + StoppedError     nothing will change until somebody acts: no further try

`code` is stable and for programs; the text is for the operator and never quotes a secret.
"""

from __future__ import annotations

from omega_core.errors import ExitCode, OmegaError


class NotDeliveredError(OmegaError):
    """A ticket system did not take what it was given."""

    exit_code = ExitCode.UNAVAILABLE

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class LaterError(NotDeliveredError):
    """Try again. `unclear`: it may have been accepted all the same, so look first, and not soon."""

    who_acts = "nobody: it is tried again by itself"

    def __init__(
        self, code: str, detail: str, *, retry_after_s: int | None = None, unclear: bool = False
    ) -> None:
        super().__init__(code, detail)
        self.retry_after_s = retry_after_s
        self.unclear = unclear


class StoppedError(NotDeliveredError):
    """Don't try again before an operator says so. `whole_system`: it goes for all deliveries."""

    exit_code = ExitCode.USAGE
    who_acts = "operator: mend it, then `omega-server connector retry`"

    def __init__(self, code: str, detail: str, *, whole_system: bool = False) -> None:
        super().__init__(code, detail)
        self.whole_system = whole_system
