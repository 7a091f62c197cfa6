"""The one door to a provider: three requests, each bounded in size and time.

No redirect is followed and no proxy of the environment used. What goes wrong is the provider's or
the way's: people are told to try again, the log says what it was.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import structlog

from omega_core.limits import OIDC_ANSWER_BYTES_MAX, OIDC_WAIT_S
from omega_server.refusals import Code, RefusalError

_log = structlog.get_logger(__name__)


class ProviderDoor:
    """Asks a provider; every failure is RefusalError `provider_silent`."""

    def __init__(
        self, *, ca_file: Path | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._ca_file = ca_file
        self._transport = transport

    def get(self, url: str) -> dict[str, Any]:
        """Return the JSON object that stands at an address."""
        return self._asked("GET", url)

    def post_form(
        self, url: str, fields: Mapping[str, str], basic: tuple[str, str] | None
    ) -> dict[str, Any]:
        """Post a form; return the JSON object that came back. `basic` are name and secret."""
        return self._asked("POST", url, data=dict(fields), auth=basic)

    def _asked(self, method: str, url: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx'
        try:
            with self._client() as client, client.stream(method, url, **more) as answer:
                data = b""
                for chunk in answer.iter_bytes():
                    data += chunk
                    if len(data) > OIDC_ANSWER_BYTES_MAX:
                        raise _silent(url, "its answer is too large")
            content = json.loads(data) if answer.status_code == httpx.codes.OK else None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RecursionError) as error:
            raise _silent(url, type(error).__name__) from error
        if not isinstance(content, dict):
            raise _silent(url, f"it answered {answer.status_code}")
        return content

    def _client(self) -> httpx.Client:
        tls: ssl.SSLContext | bool = True
        if self._ca_file is not None:
            tls = ssl.create_default_context(cafile=self._ca_file)
        return httpx.Client(
            transport=self._transport,
            verify=tls,
            timeout=OIDC_WAIT_S,
            trust_env=False,
            follow_redirects=False,
        )


def _silent(url: str, why: str) -> RefusalError:
    _log.warning("provider_silent", url=url, detail=why)
    return RefusalError(Code.PROVIDER_SILENT, "the provider did not answer as it should")
