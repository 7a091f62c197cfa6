"""What agents call: who the server is, who they are, sessions, and what came of them."""

from __future__ import annotations

import re

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from omega_core.canonical import canonical_bytes
from omega_core.control import AddressProof, EnrolmentAnswer, GrantAnswer, ServerInfo
from omega_server.addresses import Proved, plain
from omega_server.api.exchange import (
    ENVELOPE_BODY,
    JSON,
    REFUSALS,
    answer,
    sealed_answer,
    services_of,
)
from omega_server.refusals import Code, RefusalError

router = APIRouter(responses=REFUSALS)

_log = structlog.get_logger(__name__)
_DIGEST = re.compile(r"[0-9a-f]{64}")


@router.get("/healthz", response_class=PlainTextResponse)
async def healthz(request: Request) -> str:
    """Say that the server is up and its store can be asked."""
    services = services_of(request)
    await services.workers.run(services.store.state.check)
    return "ok"


@router.get("/v1/server", response_model=ServerInfo)
async def server(request: Request) -> Response:
    """Say who the server is, and what time it has."""
    return answer(services_of(request).info())


@router.get("/v1/address", response_model=AddressProof)
async def address(request: Request) -> Response:
    """Say from which address the question came, and give the proof of it."""
    services = services_of(request)
    try:
        client, host = request.client, request.scope["server"]
        proved = Proved(plain(client.host if client else ""), plain(host[0] if host else ""))
    except ValueError as error:
        raise RefusalError(Code.ADDRESS_NOT_PROVED, "the question came from no address") from error
    token = services.proofs.token(proved, services.clock.unix_us())
    proof = AddressProof(address=proved.address, server_address=proved.server_address, token=token)
    return answer(proof)


@router.post(
    "/v1/agents", status_code=201, response_model=EnrolmentAnswer, openapi_extra=ENVELOPE_BODY
)
async def enrol(request: Request) -> Response:
    """Enrol a device: a sealed EnrolmentRequest."""
    services, data = services_of(request), await request.body()
    enrolled = await services.workers.run(lambda: services.enrolment.enrol(data))
    services.metrics.accepted(request.url.path)
    return answer(enrolled, 201)


@router.post(
    "/v1/agents/keys", status_code=201, response_model=EnrolmentAnswer, openapi_extra=ENVELOPE_BODY
)
async def rotate_key(request: Request) -> Response:
    """Give an enrolled device a new key: a KeyRotation, sealed by the old and the new key."""
    services, data = services_of(request), await request.body()
    rotated = await services.workers.run(lambda: services.key_desk.rotate(data))
    services.metrics.accepted(request.url.path)
    return answer(rotated, 201)


@router.post(
    "/v1/sessions", status_code=201, response_model=GrantAnswer, openapi_extra=ENVELOPE_BODY
)
async def ask_session(request: Request) -> Response:
    """Ask for a session: a sealed SessionRequest."""
    services, data = services_of(request), await request.body()
    granted = await services.workers.run(lambda: services.controller.grant(data))
    services.metrics.accepted(request.url.path)
    return answer(granted, 201)


@router.post("/v1/observations", status_code=201, openapi_extra=ENVELOPE_BODY)
async def post_observation(request: Request) -> Response:
    """Post the test point's counts: a sealed Observation; 200 when it was known."""
    services, data = services_of(request), await request.body()
    digest, is_new = await services.workers.run(lambda: services.collector.observe(data))
    if is_new:
        services.metrics.accepted(request.url.path)
    body = canonical_bytes({"digest": digest})
    return Response(content=body, status_code=201 if is_new else 200, media_type=JSON)


@router.post("/v1/standing-grants", status_code=201, openapi_extra=ENVELOPE_BODY)
async def ask_standing_grant(request: Request) -> Response:
    """Ask for leave to watch a line: a sealed StandingRequest; a sealed StandingGrant comes."""
    services, data = services_of(request), await request.body()
    granted = await services.workers.run(lambda: services.availability.grant(data))
    services.metrics.accepted(request.url.path)
    return sealed_answer(granted, 201)


@router.post("/v1/availability", status_code=201, openapi_extra=ENVELOPE_BODY)
async def post_availability(request: Request) -> Response:
    """Post a sealed AvailabilityRecord; the answer is the sealed Receipt, 200 when it was known."""
    key = _idempotency_key(request)
    services, data = services_of(request), await request.body()
    posted = await services.workers.run(lambda: services.availability.post(data, key))
    if posted.is_new:
        services.metrics.accepted(request.url.path)
    _log.info("availability", digest=key, is_new=posted.is_new)
    return sealed_answer(posted.row.receipt, 201 if posted.is_new else 200)


@router.post("/v1/records", status_code=201, openapi_extra=ENVELOPE_BODY)
async def post_record(request: Request) -> Response:
    """Post a record: a sealed Record; the answer is the sealed Receipt, 200 when it was known."""
    key = _idempotency_key(request)
    services, data = services_of(request), await request.body()
    posted = await services.workers.run(lambda: services.collector.post(data, key))
    if posted.is_new:
        services.metrics.accepted(request.url.path)
    _log.info("record", digest=key, is_new=posted.is_new, verdict=posted.row.verdict)
    return sealed_answer(posted.row.receipt, 201 if posted.is_new else 200)


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key", "")
    if _DIGEST.fullmatch(key) is None:
        detail = "Idempotency-Key must be the SHA-256 of the payload, in hexadecimal"
        raise RefusalError(Code.IDEMPOTENCY_MISSING, detail)
    return key
