"""One instruction carried out, in a process that ends with it: see `crew`.

What `omega accept` and `omega diagnose` do on the command line is done here for a server: the same
session, the same record, the same outbox. One thing is added: the test point of the grant must be
one that the owner of the device allows.
"""

from __future__ import annotations

import sys
from pathlib import Path

from omega_agent.commands_measure import hold
from omega_agent.daemon.crew import Outcome, Told
from omega_agent.daemon.local_limits import LocalLimits
from omega_agent.device import enrolled_device
from omega_agent.errors import WrongUseError
from omega_agent.home import Home
from omega_agent.measuring import Held
from omega_agent.session_request import Wanted
from omega_agent.sessions import Asked, Kept
from omega_agent.surroundings import Surroundings
from omega_agent.texts import Speaker
from omega_core.errors import OmegaError, RefusedError
from omega_core.limits import REASON_CHARS_MAX
from omega_core.models import model_bytes, parse_model
from omega_core.verdict import ProfileRef

_TOLD_BYTES_MAX = 64 * 1024


class _Warden:
    """Lets a session begin only towards an allowed test point: `commands_measure.Witness`."""

    def __init__(self, limits: LocalLimits) -> None:
        self._limits = limits

    def asked(self, asked: Asked) -> None:
        """See `Witness.asked`; raises WrongUseError."""
        if asked.granted is None:
            return
        for address in asked.granted.grant.test_point.addresses:
            if not self._limits.allows_target(address):
                raise WrongUseError("target_not_allowed", address=address)

    def kept(self, held: Held, kept: Kept) -> None:
        """See `Witness.kept`."""

    def taken(self) -> tuple[ProfileRef, int] | None:
        """See `Witness.taken`: there is no rule."""
        return None


def carry_out(told: Told, home: Home) -> Outcome:
    """Measure as told; an error that is expected becomes an outcome."""
    around = Surroundings(home=home, speaker=Speaker("en"), as_json=True, progress="none")
    try:
        device = enrolled_device(home)
        ran = hold(
            around,
            wanted_by(told),
            device,
            _Warden(_limits_of(told)),
            beyond=told.instruction.references,
        )
    except OmegaError as error:
        return _in_the_way(error)
    cost = ran.report.measurement.cost
    octets = cost.bytes_down + cost.bytes_up
    if not ran.kept.in_outbox and ran.delivery.posted is None:
        return Outcome(code="not_kept", detail="the disk did not take the record", octets=octets)
    return Outcome(record_digest=ran.kept.sealed.digest, octets=octets)


def wanted_by(told: Told) -> Wanted:
    """Return the session that is asked for; no server knows an instruction of the agent's own."""
    instruction = told.instruction
    return Wanted(
        purpose=instruction.purpose,
        mode=instruction.mode,
        sheet_id=instruction.sheet_id,
        ticket_id=instruction.ticket_id,
        plan_id=instruction.plan_id,
        instruction_id=None if told.is_own else instruction.instruction_id,
    )


def _limits_of(told: Told) -> LocalLimits:
    return LocalLimits(targets=told.targets)


def _in_the_way(error: OmegaError) -> Outcome:
    code = getattr(error, "code", None) or "not_possible"
    if code == "already_measuring":
        return Outcome(device_was_busy=True)
    if isinstance(error, RefusedError):
        code = "refused_by_server"
    return Outcome(code=code, detail=str(error)[:REASON_CHARS_MAX])


def main() -> None:
    """Read what is to be done, do it, say what came of it."""
    told = parse_model(Told, sys.stdin.buffer.read(_TOLD_BYTES_MAX))
    outcome = carry_out(told, Home(Path(sys.argv[1])))
    sys.stdout.buffer.write(model_bytes(outcome) + b"\n")


if __name__ == "__main__":
    main()
