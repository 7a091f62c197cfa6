"""Settings are checked before anything is started, and the first mistake is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omega_core.errors import UsageError
from omega_server.settings import checked_settings


def settings(**values: Any) -> Any:  # noqa: ANN401 - fields of the settings
    return checked_settings(data=Path("/data"), **values)


def test_the_embedded_database_is_in_the_data_folder() -> None:
    assert settings().database_url == "sqlite:////data/omega.sqlite"
    assert settings(database="postgresql://db/omega").database_url == "postgresql://db/omega"


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({}, id="nothing said: every address, guarded by request"),
        pytest.param({"host": "127.0.0.1"}, id="loopback"),
        pytest.param({"host": "192.168.1.2"}, id="a private address"),
        pytest.param({"host": "8.8.8.8", "insecure": True}, id="public, as was asked for"),
        pytest.param(
            {"host": "8.8.8.8", "tls_cert": Path("c"), "tls_key": Path("k")}, id="public with TLS"
        ),
        pytest.param({"test_point_hosts": ("203.0.113.1", "2001:db8::1")}, id="behind a NAT"),
        pytest.param({"port": 0, "selftests_max": 0}, id="the smallest numbers"),
        pytest.param({"port": 65_535}, id="the largest port"),
    ],
)
def test_settings_that_can_be_used(values: dict[str, Any]) -> None:
    settings(**values)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        pytest.param({"host": "8.8.8.8"}, "--insecure", id="plain http on a public address"),
        pytest.param({"host": "omega.example"}, "--host", id="a name for an address"),
        pytest.param({"port": 65_536}, "--port", id="a port too high"),
        pytest.param({"port": -1}, "--port", id="a port below nothing"),
        pytest.param({"tls_cert": Path("c")}, "--tls-key", id="a certificate without its key"),
        pytest.param({"tls_key": Path("k")}, "--tls-cert", id="a key without its certificate"),
        pytest.param({"test_point_hosts": ("::",)}, "--test-point-hosts", id="nowhere"),
        pytest.param({"test_point_hosts": ("x",)}, "--test-point-hosts", id="no address"),
        pytest.param({"test_point_hosts": ("1.1.1.1",) * 5}, "--test-point-hosts", id="too many"),
        pytest.param({"unknown": 1}, "--unknown", id="a setting nobody knows"),
    ],
)
def test_settings_that_are_refused(values: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named) as refused:
        settings(**values)
    assert "\n" not in str(refused.value)
