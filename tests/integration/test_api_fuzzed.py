"""Every call of the API as its own OpenAPI document describes it, and as it does not: no 5xx.

Schemathesis asks a real server, as an operator, about things that are there and things that are
not. It runs as a program of its own. What is sealed can't be guessed by it: sealed bodies that are
almost right are in test_server_api.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.main_job import SCRIPTS, Omega, Site, leave_waiting

_EXAMPLES = 40
_WITHIN_S = 240
_NO_5XX = ("--checks", "not_a_server_error", "--continue-on-failure")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(_WITHIN_S + 60)]


def known(site: Site, omega: Omega) -> dict[str, str]:
    """Return the names of what is there: one of each kind."""
    digest = leave_waiting(omega, site.sheet())
    assert omega.run("outbox", "send").code == 0
    agent = site.call("GET", "/v1/agents")["agents"][0]["agent_id"]
    wish = {"by": "clerk", "agent_id": agent}
    return {
        "ticket_id": site.ticket(),
        "sheet_id": site.sheet(),
        "agent_id": agent,
        "digest": digest,
        "subscriber_ref": site.someone,
        "instruction_id": site.call("POST", "/v1/instructions", wish)["instruction_id"],
    }


def test_no_request_ends_in_a_server_error(site: Site, omega: Omega, tmp_path: Path) -> None:
    names = "".join(f'"path.{name}" = "{value}"\n' for name, value in known(site, omega).items())
    config = tmp_path / "schemathesis.toml"
    config.write_text(f"[parameters]\n{names}")
    token = Path(site.announced["operator_token_file"]).read_text("ascii").strip()
    done = subprocess.run(
        [
            *(SCRIPTS / "schemathesis", "--config-file", config),
            *("run", f"{site.url}/openapi.json", *_NO_5XX),
            *("--header", f"Authorization: Bearer {token}", "--request-timeout", "70"),
            *("--max-examples", str(_EXAMPLES), "--seed", "1", "--no-color"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": "", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=_WITHIN_S,
    )
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    assert "Runtime Error" not in done.stdout
    assert site.is_well()
    assert '"level": "error"' not in site.log()
