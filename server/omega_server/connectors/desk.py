"""Between the store and the connectors: links, and what is told of a stored record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter

from omega_core.keys import SigningKey
from omega_core.models import model_bytes
from omega_core.verdict import Judgement, Outcome
from omega_server import records
from omega_server.connectors.config import SystemSettings, check_external_id
from omega_server.connectors.diagnostic import (
    JSON_TYPE,
    Diagnostic,
    File,
    Language,
    ZoneNote,
    record_file_name,
)
from omega_server.store.delivery_port import DeliveryRow, LinkRow
from omega_server.store.port import Store
from omega_server.ticket_life.entries import Connected, ZoneFound
from omega_server.ticket_life.entry import Entry, entries_of, row_of

_JUDGEMENT = TypeAdapter(Judgement)
_LANGUAGES: tuple[Language, ...] = ("en", "fr")


def link_ticket(
    store: Store, settings: SystemSettings, ticket_id: str, external_id: str, now_unix_us: int
) -> bool:
    """Remember what a ticket is called in a system; False when that was known.

    All its records are delivered there, those that came before too. Raises UsageError,
    NotThereError, AlreadyThereError.
    """
    number = check_external_id(settings, external_id)
    link = LinkRow(
        system=settings.name,
        ticket_id=ticket_id,
        external_id=number,
        linked_unix_us=now_unix_us,
    )
    body = Connected(system=settings.name, external_id=number)
    entry = Entry(at_unix_us=now_unix_us, actor=None, body=body)
    return store.deliveries.link(link, row_of(ticket_id, entry))


def diagnoser(
    store: Store, key: SigningKey, *, public_url: str | None = None
) -> Callable[[DeliveryRow], Diagnostic]:
    """Return what makes a diagnostic of a delivery: the record's bundle is its file."""

    def diagnose(row: DeliveryRow) -> Diagnostic:
        record = records.known(store, row.record_digest)
        bundle = model_bytes(records.bundle_of(store, record, key))
        name = record_file_name(record.digest)
        link = None if public_url is None else f"{public_url}/v1/records/{record.digest}"
        return Diagnostic(
            ticket_id=row.ticket_id,
            record_digest=record.digest,
            verdict=record.verdict,
            mode=record.mode,
            agent_id=record.agent_id,
            received_unix_us=record.received_unix_us,
            not_kept=_not_kept(record.judgement),
            zone=_zone_of(store, row),
            link=link,
            files=(File(name=name, media_type=JSON_TYPE, content=bundle),),
        )

    return diagnose


def _not_kept(judgement: str | None) -> tuple[str, ...]:
    """Return the criteria that decided against the line."""
    if judgement is None:
        return ()
    outcomes = _JUDGEMENT.validate_json(judgement).outcomes
    return tuple(each.id for each in outcomes if each.mandatory and each.outcome is Outcome.FAIL)


def _zone_of(store: Store, row: DeliveryRow) -> ZoneNote | None:
    """Return the zone that this record put on its ticket, in the words for clerks.

    What a person found, or another record, is not of this one: the entry that came in with it is.
    """
    for entry in entries_of(store.cases.events("ticket", row.ticket_id)):
        body = entry.body
        if not isinstance(body, ZoneFound) or entry.actor is not None:
            continue
        if row.record_digest in body.evidence:
            return ZoneNote(code=body.zone.value, sentences=_for_clerks(body.finding or {}))
    return None


def _for_clerks(report: Mapping[str, Any]) -> dict[Language, str]:
    """Return the sentences for clerks of a zone report, by language."""
    said = report.get("said", {})
    return {
        language: " ".join(said[language]["clerk"]) for language in _LANGUAGES if language in said
    }
