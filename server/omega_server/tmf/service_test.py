"""A record as TMF653 v4 `ServiceTest`.

A judged run is `completed` whatever it came to, a spoiled one `failed` and without measures. Each
criterion is one `testMeasure`. A criterion that is not met has a rule violation of severity `high`
whose action is `open-ticket`; one that is not proved either way has one named `inconclusive`, of
severity `low`, whose action is `remeasure`: so no violation always means a pass, for a reader too
who knows nothing of our sub-types. Comparators name the crossing, as the standard has it: `>` above
an upper target, `<` below a lower one. `accuracy` is a number of digits there, and ours are all.
"""

from __future__ import annotations

from collections.abc import Iterator

from omega_core.record import Record
from omega_core.verdict import CriterionOutcome, Judgement, Outcome, Verdict
from omega_server.store.rows import RecordRow
from omega_server.tmf.words import Json, moment

BASE = "/tmf-api/serviceTestManagement/v4/serviceTest"
_UNATTRIBUTED = "unattributed"
"""The service of a record that is nobody's."""


def service_test(
    row: RecordRow, record: Record, judgement: Judgement | None, subscriber_ref: str | None
) -> Json:
    """Return a record as `ServiceTest`, under its digest."""
    is_invalid = row.verdict == Verdict.INVALID
    content: Json = {
        "@type": "OmegaServiceTest",
        "@baseType": "ServiceTest",
        "id": row.digest,
        "href": f"{BASE}/{row.digest}",
        "name": f"{record.session.purpose} {record.session.mode}",
        "description": f"line measurement omega:{row.digest[:12]}",
        "mode": "PROACTIVE" if record.session.purpose == "sweep" else "ONDEMAND",
        "state": "failed" if is_invalid else "completed",
        "startDateTime": moment(record.session.started_unix_us),
        "endDateTime": moment(record.session.ended_unix_us),
        "relatedService": {
            "id": subscriber_ref or _UNATTRIBUTED,
            "@type": "ServiceRef",
            "@referredType": "Service",
        },
        "relatedParty": list(_parties(record, subscriber_ref)),
        "characteristic": list(_characteristics(row, record, judgement)),
        "testMeasure": [] if is_invalid else list(_measures(record, judgement)),
    }
    if record.profile is not None:
        content["testSpecification"] = {
            "id": record.profile.id,
            "version": str(record.profile.version),
            "@type": "ServiceTestSpecificationRef",
            "@referredType": "ServiceTestSpecification",
        }
    return content


def _parties(record: Record, subscriber_ref: str | None) -> Iterator[Json]:
    device = record.agent.id or record.agent.kid
    yield {"id": device, "role": "measurementAgent", "@referredType": "Resource"}
    if subscriber_ref is not None:
        yield {"id": subscriber_ref, "role": "subscriber", "@referredType": "Customer"}


def _characteristics(row: RecordRow, record: Record, judgement: Judgement | None) -> Iterator[Json]:
    reasons = [] if judgement is None else _reasons(judgement)
    named = {
        "recordDigest": row.digest,
        "proofUrl": f"/v1/records/{row.digest}",
        "observers": row.observers,
        "verdict": row.verdict,
        "sheetId": record.session.sheet_id,
        "ticketId": record.session.ticket_id,
    }
    for name, value in named.items():
        if value is not None:
            yield _characteristic(name, "string", value)
    if reasons:
        yield _characteristic("verdictReasons", "array", reasons)


def _reasons(judgement: Judgement) -> list[str]:
    open_or_failed = [each for each in judgement.outcomes if each.outcome is not Outcome.PASS]
    faults = [fault.value for fault in judgement.faults]
    return [*faults, *(f"{each.id}: {each.because}" for each in open_or_failed if each.mandatory)]


def _characteristic(name: str, kind: str, value: object) -> Json:
    return {"name": name, "valueType": kind, "value": value}


def _measures(record: Record, judgement: Judgement | None) -> Iterator[Json]:
    for each in () if judgement is None else judgement.outcomes:
        stated = record.metrics.get(each.metric)
        measure: Json = {
            "@type": "OmegaTestMeasure",
            "@baseType": "TestMeasure",
            "metricName": each.metric,
            "metricDescription": each.id,
            "unitOfMeasure": each.unit,
            "captureMethod": "device" if stated is None else stated.method,
            "captureDateTime": moment(record.session.ended_unix_us),
            "value": _characteristic(each.metric, "integer", each.value),
            "ruleViolation": list(_violations(each)),
            "samples": each.samples,
            "samplesNeeded": each.samples_needed,
            "mandatory": each.mandatory,
            "because": each.because.value,
        }
        if each.value is not None:
            measure["accuracy"] = len(str(abs(each.value)))
        yield measure


def _violations(outcome: CriterionOutcome) -> Iterator[Json]:
    if outcome.outcome is Outcome.PASS:
        return
    failed = outcome.outcome is Outcome.FAIL
    violation: Json = {
        "@type": "MeasureThresholdRuleViolation",
        "name": outcome.id if failed else "inconclusive",
        "description": outcome.because.value,
        "numberOfAllowedCrossing": 0,
        "thresholdRuleSeverity": "high" if failed else "low",
        "appliedConsequence": [
            {
                "@type": "AppliedConsequence",
                "name": outcome.outcome.value,
                "appliedAction": "open-ticket" if failed else "remeasure",
                "repeatAction": False,
            }
        ],
    }
    side, crossing = ("Lower", "<") if outcome.op == "at_least" else ("Upper", ">")
    violation[f"conformanceTarget{side}"] = str(outcome.limit)
    violation[f"conformanceComparator{side}"] = crossing
    yield violation
