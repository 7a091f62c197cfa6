"""A record as people read it: the verdict first, then each criterion, every number, the picture.

    GET /records/{digest}              the page
    GET /records/{digest}/bundle       what `omega verify` reads, as a file

All of it is taken from the record as it is stored, and from the server's own judgement of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup
from pydantic import TypeAdapter

from omega_acceptance.explain import (
    criterion_name,
    criterion_sentence,
    fault_sentence,
    metric_name,
    verdict_sentence,
)
from omega_core.models import model_bytes
from omega_core.picture.svg import svg_of
from omega_core.record import Record
from omega_core.verdict import Judgement
from omega_server import records
from omega_server.api.exchange import RecordName
from omega_server.api.services import Services
from omega_server.envelopes import stored
from omega_server.pages.doors import Door
from omega_server.pages.frame import Frame
from omega_server.pages.ticket_content import figure
from omega_server.pages.wording import Wording
from omega_server.store.rows import RecordRow

_T = TypeVar("_T")
_JUDGEMENT: Final = TypeAdapter(Judgement)


@dataclass(frozen=True, slots=True)
class CriterionLine:
    """One criterion, in words."""

    name: str
    outcome: str
    sentence: str
    is_mandatory: bool


@dataclass(frozen=True, slots=True)
class MetricLine:
    """One metric that has a value."""

    name: str
    value: str
    samples: int
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordContent:
    """Everything on the page."""

    digest: str
    verdict: str | None
    sentence: str
    faults: tuple[str, ...]
    criteria: tuple[CriterionLine, ...]
    metrics: tuple[MetricLine, ...]
    mode: str
    received_unix_us: int
    case: str | None
    bytes_down: int
    bytes_up: int
    duration_ms: int
    picture: Markup


def router_of(frame: Frame, door: Door, services: Services) -> APIRouter:
    """Return the routes of these pages."""
    return _Records(frame, door, services).router()


def content_of(row: RecordRow, word: Wording) -> RecordContent:
    """Return what the page of a record says."""
    record = stored(Record, row.envelope)
    judgement = None if row.judgement is None else _JUDGEMENT.validate_json(row.judgement)
    language = word.language
    subtitle = f"{row.digest[:12]} \N{MIDDLE DOT} {word.moment(row.received_unix_us)}"
    drawn = svg_of(record.evidence, subtitle=subtitle, language=language)
    return RecordContent(
        digest=row.digest,
        verdict=row.verdict,
        sentence=verdict_sentence(judgement.verdict, language) if judgement else "",
        faults=tuple(fault_sentence(each, language) for each in judgement.faults)
        if judgement
        else (),
        criteria=tuple(
            CriterionLine(
                name=criterion_name(each, language),
                outcome=each.outcome.value,
                sentence=criterion_sentence(each, language),
                is_mandatory=each.mandatory,
            )
            for each in (judgement.outcomes if judgement else ())
        ),
        metrics=tuple(
            MetricLine(
                name=metric_name(name, language),
                value=figure(word, found.value, found.unit),
                samples=found.samples,
                method=found.method,
            )
            for name, found in record.metrics.items()
            if found.value is not None
        ),
        mode=row.mode,
        received_unix_us=row.received_unix_us,
        case=row.sheet_id or row.ticket_id,
        bytes_down=record.cost.bytes_down,
        bytes_up=record.cost.bytes_up,
        duration_ms=record.cost.duration_ms,
        picture=Markup(drawn),  # noqa: S704 - made here, with everything in it escaped
    )


class _Records:
    def __init__(self, frame: Frame, door: Door, services: Services) -> None:
        self._frame = frame
        self._door = door
        self._services = services

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/records", include_in_schema=False)
        router.add_api_route("/{digest}", self.record, methods=["GET"])
        router.add_api_route("/{digest}/bundle", self.bundle, methods=["GET"])
        return router

    async def record(self, request: Request, digest: RecordName) -> Response:
        """Show a record."""
        visit = self._door.visit(request)
        store = self._services.store
        found = await self._run(lambda: content_of(records.known(store, digest), visit.wording))
        return self._frame.page(visit, "record.html", record=found)

    async def bundle(self, request: Request, digest: RecordName) -> Response:
        """Return the record with everything that is needed to check it offline, as a file."""
        self._door.visit(request)
        services = self._services

        def packed() -> bytes:
            row = records.known(services.store, digest)
            return model_bytes(records.bundle_of(services.store, row, services.key))

        return Response(
            content=await self._run(packed),
            media_type="application/json",
            headers={
                "Content-Disposition": f'attachment; filename="omega-{digest[:12]}.json"',
                "Cache-Control": "no-store",
            },
        )

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await self._services.workers.run(work)
