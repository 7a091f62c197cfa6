"""The escalation package: one archive that tells the next level everything, away from the server.

    manifest.json        a sealed list of all other files: names, octets, SHA-256
    index.en.html, index.fr.html    what a person reads first
    ticket.json          the ticket with its clocks, estimates and zone
    log.json             its log, entry by entry
    technical.json       plan, sheets, and what was changed on the line
    records/DIGEST.json  bundles, as `omega verify` reads them
    baseline.json        the line's birth certificate, and the newest record beside it
    baseline/DIGEST.json its bundle

For level 4, the vendor, nothing personal goes out: names, references, free text and addresses stay,
and since a signed record can't be shortened, its figures go instead of its bundle. What goes is
listed in the code below, never what stays, so a field that is added later stays too. The question
to that level is written for it and goes as it is.

The same content gives the same octets: times are those of the log, and the archive has none.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import Field

from omega_core.canonical import canonical_bytes, digest_hex
from omega_core.envelope import PayloadType, open_sealed, parse_envelope, seal
from omega_core.errors import ExitCode, OmegaError
from omega_core.facts import INTEGER_MAX, Version1
from omega_core.keys import PublicKey, SigningKey
from omega_core.limits import ESCALATION_BYTES_MAX, ESCALATION_RECORDS_MAX
from omega_core.models import Digest, Id, StrictModel, model_bytes, parse_model
from omega_core.record import Record
from omega_server import epochs, records, tickets
from omega_server.baseline import BirthCertificate, birth_certificate
from omega_server.envelopes import stored
from omega_server.store.port import Store
from omega_server.ticket_index import index_page
from omega_server.ticket_life.entries import Escalated
from omega_server.ticket_life.entry import Entry
from omega_server.ticket_views import TicketLifeView, baseline_view, life_view
from omega_server.tickets import Ticket

VENDOR_LEVEL = 4
_MANIFEST = "manifest.json"
_NO_TIME = (1980, 1, 1, 0, 0, 0)  # the archive's format has no way to say none
_SAFE_TICKET = (
    "ticket_id", "state", "level", "created_unix_us", "priority", "eta_report", "clocks",
    "customer_unreachable", "proof_digest", "waived", "consented", "counts",
)  # fmt: skip
_SAFE_ENTRY = (
    "agrees", "asked_unix_us", "changes_line", "channel", "confidence_ppm", "criticality", "digest",
    "done_unix_us", "eta_unix_us", "evidence", "failed", "granted", "level", "lines_alike", "mode",
    "passed", "question", "reached", "relation", "rules", "said_unix_us", "sentences", "status",
    "ticket_id", "verdict", "zone",
)  # fmt: skip


class PackageError(OmegaError):
    """An archive is not a package of this server, or not as it was made."""

    exit_code = ExitCode.NOT_VALID
    who_acts = "whoever received it: ask for it again"


class PackedFile(StrictModel):
    """One file of a package."""

    name: Annotated[str, Field(max_length=128)]
    octets: Annotated[int, Field(ge=0, le=INTEGER_MAX)]
    sha256: Digest


class Manifest(StrictModel):
    """What is in a package; `left_out` are records for which there was no room."""

    schema_version: Version1 = 1
    ticket_id: Id
    level: Annotated[int, Field(ge=1, le=4)]
    without_personal_data: bool
    files: tuple[PackedFile, ...]
    left_out: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class _Case:
    """What a package is made from."""

    store: Store
    ticket: Ticket
    view: TicketLifeView
    certificate: BirthCertificate | None
    key: SigningKey


def package_of(store: Store, ticket_id: str, key: SigningKey, *, level: int | None = None) -> bytes:
    """Return the package for a level, the ticket's own where none is named.

    Raises RefusalError `ticket_unknown`.
    """
    ticket = tickets.load(store, ticket_id)
    view = life_view(store, ticket, ticket.entries[-1].at_unix_us)
    certificate = birth_certificate(store, ticket.row.subscriber_ref)
    case = _Case(store, ticket, view, certificate, key)
    level = view.level if level is None else level
    files = _for_vendor(case) if level == VENDOR_LEVEL else _in_house(case)
    wanted = [posting.digest for posting in reversed(ticket.postings)]
    left_out = tuple(each for each in wanted if f"records/{each}.json" not in files)
    for language in ("en", "fr"):
        page = index_page(language, json.loads(files["ticket.json"]), json.loads(files["log.json"]))
        files[f"index.{language}.html"] = page.encode()
    manifest = Manifest(
        ticket_id=ticket_id,
        level=level,
        without_personal_data=level == VENDOR_LEVEL,
        files=tuple(
            PackedFile(name=name, octets=len(files[name]), sha256=digest_hex(files[name]))
            for name in sorted(files)
        ),
        left_out=left_out,
    )
    sealed = seal(model_bytes(manifest), PayloadType.ESCALATION, key)
    return _zipped({_MANIFEST: sealed, **{name: files[name] for name in sorted(files)}})


def check_package(data: bytes, key: PublicKey) -> Manifest:
    """Return the manifest of a package that is as it was made; raises PackageError, EnvelopeError.

    Nothing is unpacked that is larger than its manifest says.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sealed = parse_envelope(_read(archive, _MANIFEST, ESCALATION_BYTES_MAX))
            payload = open_sealed(sealed, PayloadType.ESCALATION, {key.kid: key})
            manifest = parse_model(Manifest, payload)
            listed = {_MANIFEST, *(each.name for each in manifest.files)}
            if sorted(archive.namelist()) != sorted(listed):
                raise PackageError("the archive holds other files than its manifest lists")
            for each in manifest.files:
                if digest_hex(_read(archive, each.name, each.octets)) != each.sha256:
                    raise PackageError(f"{each.name} is not as it was packed")
    except (zipfile.BadZipFile, KeyError, NotImplementedError, ValueError) as error:
        raise PackageError(f"not a package: {type(error).__name__}") from error
    return manifest


def _in_house(case: _Case) -> dict[str, bytes]:
    files = {
        "ticket.json": model_bytes(case.view),
        "log.json": canonical_bytes([_entry(each) for each in case.ticket.entries]),
        "technical.json": canonical_bytes(_technical(case)),
    }
    if case.certificate is not None:
        baseline = baseline_view(case.store, case.ticket, case.certificate)
        files["baseline.json"] = model_bytes(baseline)
        name = f"baseline/{case.certificate.digest}.json"
        files[name] = _bundle(case, case.certificate.digest)
    return _with_records(case, files, _bundle)


def _for_vendor(case: _Case) -> dict[str, bytes]:
    content = case.view.model_dump(mode="json")
    ticket = {name: content[name] for name in _SAFE_TICKET}
    ticket["priority"] = {**ticket["priority"], "reason": ""}
    ticket["zone"] = _safe(content["zone"] or {}) or None
    ticket["plan"] = content["plan"]["id"]
    ticket["question"] = _question(case.ticket)
    log = [
        {
            "kind": entry.kind,
            "at_unix_us": entry.at_unix_us,
            "by_level": None if entry.actor is None else entry.actor.level,
            **_safe(asdict(entry.body)),
        }
        for entry in case.ticket.entries
    ]
    files = {
        "ticket.json": canonical_bytes(ticket),
        "log.json": canonical_bytes(log),
        "technical.json": canonical_bytes({"plan_id": content["plan"]["id"]}),
    }
    if case.certificate is not None:
        baseline = baseline_view(case.store, case.ticket, case.certificate).model_dump(mode="json")
        del baseline["sheet_id"]
        files["baseline.json"] = canonical_bytes(baseline)
    return _with_records(case, files, _figures)


def _with_records(case: _Case, files: dict[str, bytes], written: Any) -> dict[str, bytes]:  # noqa: ANN401 - a call
    """Add the records, the newest first, as far as there is room."""
    octets = sum(map(len, files.values()))
    for posting in list(reversed(case.ticket.postings))[:ESCALATION_RECORDS_MAX]:
        content: bytes = written(case, posting.digest)
        octets += len(content)
        if octets > ESCALATION_BYTES_MAX:
            break
        files[f"records/{posting.digest}.json"] = content
    return files


def _bundle(case: _Case, digest: str) -> bytes:
    row = records.known(case.store, digest)
    return records.bundle_of(case.store, row, case.key).to_bytes()


def _figures(case: _Case, digest: str) -> bytes:
    """Return what was measured, without who and where."""
    row = records.known(case.store, digest)
    record = stored(Record, row.envelope).model_dump(mode="json")
    figures = {name: record[name] for name in ("metrics", "validity", "cost")}
    judgement = None if row.judgement is None else json.loads(row.judgement)
    return canonical_bytes(
        {
            "digest": digest,
            "mode": row.mode,
            "received_unix_us": row.received_unix_us,
            "judgement": judgement,
            **figures,
        }
    )


def _technical(case: _Case) -> dict[str, Any]:
    subscriber = case.ticket.subscriber
    sheets = []
    for sheet in case.store.cases.sheets(subscriber.subscriber_ref):
        attempts = case.store.sessions.attempts(sheet_id=sheet.sheet_id)
        changes = [
            change
            for each in epochs.of_attempts(case.store, attempts)
            for change in each.epoch.changes
        ]
        sheets.append({"sheet_id": sheet.sheet_id, "changes": changes})
    return {
        "subscriber_ref": subscriber.subscriber_ref,
        "plan_id": subscriber.plan_id,
        "activated_unix_us": subscriber.activated_unix_us,
        "sheets": sheets,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    body = json.loads(json.dumps(asdict(entry.body)))
    actor = None if entry.actor is None else asdict(entry.actor)
    return {"kind": entry.kind, "at_unix_us": entry.at_unix_us, "actor": actor, **body}


def _safe(content: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: content[name] for name in _SAFE_ENTRY if content.get(name) is not None}
    plain: dict[str, Any] = json.loads(json.dumps(kept))
    return plain


def _question(ticket: Ticket) -> str | None:
    asked = [each.body for each in ticket.entries if isinstance(each.body, Escalated)]
    return asked[-1].question if asked else None


def _zipped(files: Mapping[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return written.getvalue()


def _read(archive: zipfile.ZipFile, name: str, octets_max: int) -> bytes:
    with archive.open(name) as file:
        content = file.read(octets_max + 1)
    if len(content) > octets_max:
        raise PackageError(f"{name} is larger than its manifest says")
    return content
