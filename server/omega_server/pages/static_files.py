"""Style sheets, scripts and pictures: read once, named by their content, kept by browsers for ever.

    static/omega.css  -->  /static/3f9c01d27a54b8e0/omega.css

A name that holds the digest of its content never changes what it means, so a browser asks for it
once; a new version has a new name. Text is kept compressed too: on a slow line it is what counts.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

PREFIX: Final = "/static"
_DIGEST_CHARS: Final = 16
_FOREVER: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "webmanifest": "application/manifest+json",
}
_TEXTS: Final = frozenset({"css", "js", "svg", "webmanifest"})


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file, with its address."""

    name: str
    digest: str
    media_type: str
    content: bytes
    compressed: bytes | None

    @property
    def address(self) -> str:
        """Where it is to be had."""
        return f"{PREFIX}/{self.digest}/{self.name}"


class StaticFiles:
    """Every file of the package's `static` folder."""

    def __init__(self, folder: Traversable | None = None) -> None:
        found = folder or files("omega_server.pages") / "static"
        self._files = {each.name: _read(each) for each in found.iterdir() if _is_served(each)}

    def __iter__(self) -> Iterator[StaticFile]:
        return iter(self._files.values())

    def address(self, name: str) -> str:
        """Return where a file is; raises KeyError, for a template that names none is wrong."""
        return self._files[name].address

    def answer(self, request: Request, digest: str, name: str) -> Response:
        """Return a file; one of another version is not there any more."""
        found = self._files.get(name)
        if found is None or found.digest != digest:
            return Response(status_code=404)
        headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
        if found.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(found.compressed, media_type=found.media_type, headers=headers)
        return Response(found.content, media_type=found.media_type, headers=headers)


def router_of(static: StaticFiles) -> APIRouter:
    """Return the route that serves them."""
    router = APIRouter(include_in_schema=False)

    @router.get(PREFIX + "/{digest}/{name}")
    async def static_file(request: Request, digest: str, name: str) -> Response:
        return static.answer(request, digest, name)

    return router


def _is_served(file: Traversable) -> bool:
    return file.name.rpartition(".")[2] in _TYPES


def _read(file: Traversable) -> StaticFile:
    content = file.read_bytes()
    kind = file.name.rpartition(".")[2]
    compressed = gzip.compress(content, 9, mtime=0) if kind in _TEXTS else None
    return StaticFile(
        name=file.name,
        digest=hashlib.sha256(content).hexdigest()[:_DIGEST_CHARS],
        media_type=_TYPES[kind],
        content=content,
        compressed=compressed,
    )
