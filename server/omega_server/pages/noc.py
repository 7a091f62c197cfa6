"""The NOC's pages: sectors by state, a metric's spread against the plan, what got worse, one line.

GET /noc                    sectors; a metric of a plan this week; the lines that got worse
GET /noc/lines              lines by name, of a sector, of a verdict
GET /noc/lines/{line}       one line: its last figures, its record
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from omega_acceptance.explain import metric_name
from omega_core.metrics import METRICS
from omega_core.units import US_PER_MS
from omega_server.api.services import Services
from omega_server.fleet.desk import SpreadView
from omega_server.pages.charts import spread as chart
from omega_server.pages.doors import Door
from omega_server.pages.frame import Frame
from omega_server.pages.ticket_content import figure
from omega_server.pages.wording import Wording
from omega_server.refusals import Code, RefusalError

FIRST_METRIC: Final = "goodput_bps_down"
_LINES: Final = 50
_WORST: Final = 20
_SCALES: Final = {"bps": (1_000_000, "Mbit/s"), "us": (US_PER_MS, "ms"), "ppm": (10_000, "%")}
_T = TypeVar("_T")


def router_of(frame: Frame, door: Door, services: Services) -> APIRouter:
    """Return the routes of these pages."""
    return _Noc(frame, door, services).router()


class _Noc:
    def __init__(self, frame: Frame, door: Door, services: Services) -> None:
        self._frame = frame
        self._door = door
        self._services = services

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/noc", include_in_schema=False)
        router.add_api_route("", self.overview, methods=["GET"])
        router.add_api_route("/lines", self.lines, methods=["GET"])
        router.add_api_route("/lines/{subscriber_ref}", self.line, methods=["GET"])
        return router

    async def overview(self, request: Request) -> Response:
        """Show all lines together."""
        visit = self._door.visit(request)
        asked = request.query_params
        metric = asked.get("metric") or FIRST_METRIC
        plan, sector = asked.get("plan") or None, asked.get("sector") or None
        desk = self._services.fleet
        fleet = await self._run(desk.overview)
        found = await self._run(lambda: desk.spread(metric, plan_id=plan, sector=sector))
        worse = await self._run(
            lambda: desk.worse(metric, sector=sector, after=asked.get("after"), count=_WORST)
        )
        word = visit.wording
        return self._frame.page(
            visit,
            "noc.html",
            fleet=fleet,
            spread=found,
            worse=worse,
            wanted={"metric": metric, "plan": plan, "sector": sector},
            metrics=[(name, metric_name(name, word.language)) for name in METRICS],
            plans=self._services.fleet.plans(),
            drawing=_drawing(found, word),
            figure=lambda value: figure(word, value, METRICS[metric].unit),
        )

    async def lines(self, request: Request) -> Response:
        """Show lines by name."""
        visit = self._door.visit(request)
        asked = request.query_params
        sector, verdict = asked.get("sector"), asked.get("verdict") or None
        page = await self._run(
            lambda: self._services.fleet.lines(
                after=asked.get("after", ""), count=_LINES, sector=sector, verdict=verdict
            )
        )
        return self._frame.page(
            visit, "noc_lines.html", page=page, wanted={"sector": sector, "verdict": verdict}
        )

    async def line(self, request: Request, subscriber_ref: str) -> Response:
        """Show a line's newest figures, each with the record it is from."""
        visit = self._door.visit(request)
        found = await self._run(lambda: self._services.store.fleet.line(subscriber_ref))
        if found is None:
            raise RefusalError(Code.SUBSCRIBER_UNKNOWN, f"nothing is known of {subscriber_ref}")
        line, metrics = found
        word = visit.wording
        rows = [
            {
                "name": metric_name(each.metric, word.language),
                "now": figure(word, each.value, METRICS[each.metric].unit),
                "before": figure(word, each.value_before, METRICS[each.metric].unit),
                "worse": word.share(each.worse_ppm) if (each.worse_ppm or 0) > 0 else "",
                "digest": each.digest,
            }
            for each in metrics
        ]
        return self._frame.page(visit, "noc_line.html", line=line, rows=rows)

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await self._services.workers.run(work)


def _drawing(found: SpreadView, word: Wording) -> Markup:
    scale, unit = _SCALES.get(found.unit, (1, found.unit))
    name = metric_name(found.metric, word.language)
    said = word.say("%(lines)s lines; the same figures are in the table.", lines=found.lines)
    return chart.drawn(
        chart.Spread(
            title=name,
            said=said,
            unit=unit,
            bars=[chart.Bar(bar.low / scale, bar.high / scale, bar.lines) for bar in found.bars],
            promise=None if found.promise is None else found.promise / scale,
            is_least=found.is_least,
        )
    )
