"""The one JSON object that `accept`, `diagnose` and `test` print with `--json`.

docs/cli.md describes it field by field; docs/schemas has its JSON Schema. `omega measure --json`
prints an `omega_core.record.Measurement` instead: it judges and posts nothing.
"""

from __future__ import annotations

from typing import Literal

from omega_acceptance.enough import Saved
from omega_acceptance.rules.named import RuleBeside
from omega_acceptance.zone.edge import ZoneReport
from omega_agent.sessions import Delivery, Kept
from omega_core.control import Receipt
from omega_core.errors import ExitCode
from omega_core.facts import Version1
from omega_core.models import Digest, StrictModel
from omega_core.record import Cost, Measurement
from omega_core.units import US_PER_MS
from omega_core.verdict import EXIT_CODE_OF_VERDICT, Judgement, Verdict


class RunReport(StrictModel):
    """What one judged run came to.

    `verdict` is the server's when its receipt came (`verdict_by` says so), else the agent's
    preview; null where no plan says what the line must do, and on a dead line. `judgement` is the
    agent's. `saved` is what a session that knew enough early did not take; null where it took all.
    `posted` is whether the receipt came; else the record is `waiting` in the outbox, or was
    `refused` (the refusal's code), or is kept nowhere. `rules` are those that the plan names,
    beside the verdict and without a part in it. `zone` is where the fault is, by the agent's own
    judgement; null where the path was not looked at.
    """

    schema_version: Version1 = 1
    verdict: Verdict | None
    verdict_by: Literal["server", "agent"] | None
    judgement: Judgement | None
    saved: Cost | None
    posted: bool
    waiting: bool
    refused: str | None
    not_posted_reason: str | None
    no_grant_reason: str | None
    interrupted: bool
    record_digest: Digest
    receipt: Receipt | None
    measurement: Measurement
    rules: tuple[RuleBeside, ...] = ()
    zone: ZoneReport | None = None


def run_report(
    kept: Kept,
    delivery: Delivery,
    *,
    saved: Saved | None,
    interrupted: bool,
    rules: tuple[RuleBeside, ...] = (),
    zone: ZoneReport | None = None,
) -> RunReport:
    """Return the report of a run from its record and what became of it."""
    record, receipt = kept.sealed.record, delivery.receipt
    preview = record.preview
    by: Literal["server", "agent"] | None = None
    verdict = None
    if receipt is not None and receipt.verdict is not None:
        verdict, by = receipt.verdict, "server"
    elif receipt is None and preview is not None:
        verdict, by = preview.verdict, "agent"
    failure = delivery.refused or delivery.later
    return RunReport(
        verdict=verdict,
        verdict_by=by,
        judgement=preview,
        saved=None
        if saved is None
        else Cost(
            duration_ms=saved.duration_us // US_PER_MS,
            bytes_down=saved.octets_down,
            bytes_up=saved.octets_up,
        ),
        posted=receipt is not None,
        waiting=delivery.waiting,
        refused=delivery.refused.code if delivery.refused else None,
        not_posted_reason=str(failure) if failure else None,
        no_grant_reason=record.no_grant_reason,
        interrupted=interrupted,
        record_digest=kept.sealed.digest,
        receipt=receipt,
        measurement=Measurement(
            **{name: getattr(record, name) for name in Measurement.model_fields}
        ),
        rules=rules,
        zone=zone,
    )


def exit_code(report: RunReport) -> int:
    """Return what the shell is told of a run whose record is safe."""
    if report.interrupted:
        return ExitCode.INTERRUPTED
    if report.no_grant_reason is not None:
        return ExitCode.UNAVAILABLE
    if report.verdict is not None:
        return EXIT_CODE_OF_VERDICT[report.verdict]
    return exit_code_of_measurement(report.measurement)


def exit_code_of_measurement(found: Measurement) -> int:
    """Return what the shell is told of a run that nobody judges."""
    return ExitCode.INVALID if found.validity else ExitCode.ACCEPTED
