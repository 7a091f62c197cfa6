"""What everybody may ask of the transparency log: its checkpoint and its proofs."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Path, Request
from fastapi.responses import PlainTextResponse, Response

from omega_core.control import ConsistencyProof
from omega_core.facts import INTEGER_MAX
from omega_server import transparency
from omega_server.api.exchange import REFUSALS, RecordName, answer, services_of

router = APIRouter(responses=REFUSALS)

_Size: TypeAlias = Annotated[int, Path(ge=0, le=INTEGER_MAX)]


@router.get("/v1/log/checkpoint", response_class=PlainTextResponse)
async def checkpoint(request: Request) -> str:
    """Return size and root of the log, signed: a checkpoint in the form of C2SP."""
    services = services_of(request)
    return await services.workers.run(services.store.log.checkpoint)


@router.get("/v1/log/proofs/{digest}", response_class=PlainTextResponse)
async def proof(request: Request, digest: RecordName) -> str:
    """Return the proof that a record is in the log, in the form of `.tlog-proof` files."""
    services = services_of(request)
    found = await services.workers.run(lambda: transparency.proof_of(services.store, digest))
    return found.to_text()


@router.get("/v1/log/consistency/{old_size}/{new_size}", response_model=ConsistencyProof)
async def consistency(request: Request, old_size: _Size, new_size: _Size) -> Response:
    """Return the proof that the log of one size begins with the log of another."""
    services = services_of(request)
    return answer(
        await services.workers.run(
            lambda: transparency.consistency_of(services.store, old_size, new_size)
        )
    )
