"""What a CPE loads at every start: nothing that is heavy, nothing that is not needed yet."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

HEAVY = {
    "cryptography",
    "fastapi",
    "httpx",
    "numpy",
    "psutil",
    "pydantic",
    "pydantic_core",
    "rich",
    "scapy",
    "sqlalchemy",
    "typer",
    "uvicorn",
}


def loaded_by(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter holds after the statement."""
    return {name.partition(".")[0] for name in modules_after(statement)}


def modules_after(statement: str) -> set[str]:
    """Return every module that a fresh interpreter holds after the statement."""
    program = f"{statement}\nimport json, sys\nprint(json.dumps([*sys.modules]))"
    finished = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return set(json.loads(finished.stdout))


@pytest.mark.parametrize(
    "statement",
    [
        "import omega_probe",
        "import omega_core.derive, omega_core.wire.testpoint, omega_core.wire.stamp",
        "import omega_core.evidence, omega_core.environment, omega_core.verdict",
        "import omega_core.edge, omega_core.clock, omega_core.files, omega_core.counters",
        "import omega_core.sockets.flows, omega_core.sockets.datagrams",
    ],
)
def test_nothing_heavy_comes_along(statement: str) -> None:
    assert loaded_by(statement) & HEAVY == set()


def test_the_test_can_fail() -> None:
    assert "pydantic" in loaded_by("import omega_core.models")


def test_every_module_of_the_probe_is_light() -> None:
    walk = (
        "import importlib, pkgutil, omega_probe\n"
        "for found in pkgutil.walk_packages(omega_probe.__path__, 'omega_probe.'):\n"
        "    importlib.import_module(found.name)"
    )
    assert loaded_by(walk) & (HEAVY - {"psutil"}) == set()


def test_what_holds_a_session_is_loaded_while_the_server_is_asked() -> None:
    runner = "omega_probe.session_runner"
    assert runner not in modules_after("import omega_agent.commands_measure")
    assert runner in modules_after("import omega_probe.session as it; it.load_session()")


def test_path_facts_are_loaded_by_those_who_diagnose_a_path() -> None:
    assert "omega_core.path" not in modules_after("import omega_core.evidence")
    assert "omega_core.path" in modules_after("import omega_probe.path_diagnosis")
