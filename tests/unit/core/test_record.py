"""The record: what is accepted, and in which words everything else is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from omega_core.canonical import canonical_bytes
from omega_core.derive import metrics_of
from omega_core.metrics import METRICS
from omega_core.models import (
    ContentError,
    NotPlainJsonError,
    StrictModel,
    content_of,
    model_bytes,
    parse_model,
)
from omega_core.record import SCHEMA_VERSION, Measurement, Record
from omega_core.verdict import Fault
from support.builders import (
    grant,
    key_statement,
    measurement,
    observation,
    papers,
    receipt,
    record,
    session_request,
    ungranted_record,
)

VECTORS = Path(__file__).parents[2] / "vectors" / "records"
CASES = sorted(VECTORS.glob("*/"))


def told(found: Record) -> str:
    """Return the metrics that were measured, or should have been, a line each."""
    lines = [
        f"{name} {metric.reason if metric.value is None else metric.value}"
        for name, metric in sorted(found.metrics.items())
    ]
    return "".join(f"{line}\n" for line in lines if not line.endswith(" not_measured"))


def as_it_was(now: Any, then: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return content without the members that are null now and were not there then."""
    if isinstance(now, dict) and isinstance(then, dict):
        return {
            key: as_it_was(value, then.get(key))
            for key, value in now.items()
            if value is not None or key in then
        }
    if isinstance(now, list) and isinstance(then, list):
        return [as_it_was(*pair) for pair in zip(now, then, strict=True)]
    return now


@pytest.mark.parametrize(
    "case", [case for case in CASES if not case.name.endswith("_fail")], ids=lambda case: case.name
)
def test_vector(case: Path) -> None:
    payload = (case / "payload.json").read_bytes()
    found = parse_model(Record, payload)
    assert told(found) == (case / "expected").read_text("utf-8")
    assert canonical_bytes(as_it_was(content_of(found), json.loads(payload))) == canonical_bytes(
        json.loads(payload)
    )
    assert metrics_of(found.evidence) == found.metrics


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name.endswith("_fail")], ids=lambda case: case.name
)
def test_vector_is_refused(case: Path) -> None:
    with pytest.raises((ContentError, NotPlainJsonError)) as caught:
        parse_model(Record, (case / "payload.json").read_bytes())
    assert (case / "expected").read_text("utf-8") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "message",
    [
        record(),
        ungranted_record(),
        record(validity=(Fault.TUNNEL,), observation_digest=None),
        measurement(),
        grant(),
        observation(),
        session_request(),
        session_request(purpose="selftest", sheet_id=None, agent_id=None),
        session_request(purpose="ticket", sheet_id=None, ticket_id="TT-1"),
        key_statement(),
        receipt(papers().record),
    ],
    ids=lambda message: type(message).__name__,
)
def test_messages_come_back_as_they_were(message: StrictModel) -> None:
    assert parse_model(type(message), model_bytes(message)) == message


def test_a_measurement_is_the_first_part_of_a_record() -> None:
    shared = Measurement.model_fields.keys()
    assert {name: content_of(record())[name] for name in shared} == content_of(measurement())


def test_every_metric_of_the_registry_stands_in_it() -> None:
    assert record().metrics.keys() == METRICS.keys()
    assert SCHEMA_VERSION == 1


@pytest.mark.parametrize("model", [Record, Measurement], ids=lambda model: model.__name__)
def test_nothing_in_it_describes_a_person(model: type[StrictModel]) -> None:
    names = json.dumps(model.model_json_schema()).lower()
    assert not any(word in names for word in ("surname", "phone", "e-mail", "street"))
