"""What every endpoint needs: services, names in paths, who asks, the body, a model as an answer."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, cast

from fastapi import Path, Request
from fastapi.responses import Response
from pydantic import BaseModel

from omega_core.control import Refusal
from omega_core.models import model_bytes
from omega_server.api.services import Services
from omega_server.identity import is_same_secret
from omega_server.refusals import Code, RefusalError

JSON = "application/json"
ENVELOPE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {
                "schema": {
                    "type": "object",
                    "description": "a DSSE envelope",
                    "required": ["payload", "payloadType", "signatures"],
                }
            }
        },
    }
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    "default": {"model": Refusal, "description": "a problem detail; `code` says which"}
}

CaseName: TypeAlias = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
RecordName: TypeAlias = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]


def services_of(request: Request) -> Services:
    """Return what `create_app` was given."""
    return cast("Services", request.app.state.services)


def answer(model: BaseModel, status: int = 200) -> Response:
    """Return the model as canonical JSON."""
    return Response(content=model_bytes(model), status_code=status, media_type=JSON)


def sealed_answer(envelope: bytes, status: int) -> Response:
    """Return an envelope, byte for byte as it was signed."""
    return Response(content=envelope, status_code=status, media_type=JSON)


def check_operator(request: Request) -> None:
    """Raise RefusalError `not_authorised` unless the operator's token came with the request.

    Or somebody whom `api.admission` has let in, which has asked more than this.
    """
    if getattr(request.state, "person", None) is not None:
        return
    scheme, credentials = authorization(request)
    expected = services_of(request).operator_token
    if scheme != "bearer" or not is_same_secret(credentials, expected):
        raise RefusalError(Code.NOT_AUTHORISED, "this needs the operator's token")


def authorization(request: Request) -> tuple[str, str]:
    """Return the scheme, in small letters, and the credentials that came with the request."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    return scheme.lower(), credentials.strip()
