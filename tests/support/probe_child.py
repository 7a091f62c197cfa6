"""A probe in a process of its own: a session in, its facts out, as JSON.

    python -m support.probe_child < {"plan": {...}, "access": {...}, "stop_after_s": null}

So a test can hold a session on a host of the lab, and end it from outside. Progress goes to stderr,
one line an event, which is also how a test knows the moment to cut the link.
"""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from omega_core.clock import SystemClock
from omega_core.evidence import Evidence
from omega_core.metrics import Direction
from omega_core.qualification import Allowance
from omega_probe.events import Event, PhaseEnded, PhaseStarted
from omega_probe.plan import (
    CapacityTask,
    ControlTarget,
    GoodputTask,
    MeasurementPlan,
    TestPointAccess,
)
from omega_probe.session import SessionResult, check_control, run_session, run_without_grant


def plan_from(fields: dict[str, Any]) -> MeasurementPlan:
    """Return the plan that `json.dumps(asdict(plan))` wrote."""
    tasks = tuple(
        GoodputTask(direction=Direction(task["direction"]), duration_ns=task["duration_ns"])
        for task in fields.pop("goodput")
    )
    searches = tuple(
        CapacityTask(
            **{
                **task,
                "direction": Direction(task["direction"]),
                "allowance": Allowance(**task["allowance"]),
            }
        )
        for task in fields.pop("capacity")
    )
    return MeasurementPlan(**fields, goodput=tasks, capacity=searches)


def access_from(fields: dict[str, Any]) -> TestPointAccess:
    """Return the access that `asked` wrote."""
    fields["secret"] = bytes.fromhex(fields["secret"])
    fields["addresses"] = tuple(fields["addresses"])
    return TestPointAccess(**fields)


def asked(
    plan: MeasurementPlan, access: TestPointAccess, *, stop_after_s: float | None = None
) -> str:
    """Return what the child reads."""
    fields = {**asdict(access), "secret": access.secret.hex()}
    return json.dumps({"plan": asdict(plan), "access": fields, "stop_after_s": stop_after_s})


def evidence_of(result: dict[str, Any]) -> Evidence:
    """Return the evidence in what the child wrote."""
    adapter: TypeAdapter[Evidence] = TypeAdapter(Evidence)
    return adapter.validate_json(json.dumps(result["evidence"]))


def asked_without_grant(target: dict[str, Any]) -> str:
    """Return what the child reads when it is to look for a Controller only."""
    return json.dumps({"target": target})


def result_from(stdout: str) -> dict[str, Any]:
    """Return what the child wrote."""
    found: dict[str, Any] = json.loads(stdout)
    return found


def _tell(event: Event) -> None:
    match event:
        case PhaseStarted(task=task):
            line = f"begin {task}"
        case PhaseEnded(end=end):
            line = f"end {end.task} {end.ended}"
        case _:
            return
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _session(wanted: dict[str, Any]) -> SessionResult:
    stop = threading.Event()
    if wanted["stop_after_s"] is not None:
        threading.Timer(wanted["stop_after_s"], stop.set).start()
    return run_session(
        plan_from(wanted["plan"]),
        access_from(wanted["access"]),
        earlier_attempts=(),
        clock=SystemClock(),
        emit=_tell,
        stop=stop,
    )


def _dead_line(target: ControlTarget) -> SessionResult:
    clock = SystemClock()
    attempts = check_control(target, attempts=3, clock=clock, emit=_tell)
    return run_without_grant(attempts, target, clock=clock, emit=_tell)


def main() -> None:
    """Hold the session that stdin describes."""
    wanted = json.load(sys.stdin)
    if "target" in wanted:
        result = _dead_line(ControlTarget(**wanted["target"]))
    else:
        result = _session(wanted)
    adapter: TypeAdapter[SessionResult] = TypeAdapter(SessionResult)
    sys.stdout.write(adapter.dump_json(result).decode())


if __name__ == "__main__":
    main()
