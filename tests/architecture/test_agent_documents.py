"""docs/cli.md and docs/record-format.md say what the program does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import omega_agent.verify
import omega_agent.verify_keys
import omega_core.bundle
import omega_core.envelope
import omega_core.key_events
from omega_agent.emitters import STYLES
from omega_agent.report import RunReport, run_report
from omega_agent.sessions import Delivery, Kept
from omega_agent.verify import verify
from omega_agent.verify_log import Witnesses
from omega_agent.verify_report import Standing, Unchecked
from omega_core.bundle import Bundle
from omega_core.errors import ExitCode
from omega_core.key_history import KeyState
from omega_core.models import content_of
from omega_core.record import Record
from support.agent_story import Story
from support.builders import SERVER_KEY, key_of
from support.json_schema import fits
from support.key_lines import rotated
from support.log_trees import WITNESS, cosignature
from support.logged import checkpoint_text, logged

ROOT = Path(__file__).parents[2]
CLI = (ROOT / "docs" / "cli.md").read_text("utf-8")
FORMAT = (ROOT / "docs" / "record-format.md").read_text("utf-8")


def first_column(text: str, heading: str) -> list[str]:
    """Return the names in the first column of the table below a heading of its first cell."""
    table = text.partition(f"| {heading} |")[2].partition("\n\n")[0]
    cells = (line.split("|")[1] for line in table.splitlines()[2:] if line.startswith("|"))
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_help_blocks_are_up_to_date() -> None:
    check = [sys.executable, str(ROOT / "scripts" / "generate_cli_help.py"), "--check"]
    finished = subprocess.run(check, check=False, capture_output=True, text=True)
    assert finished.returncode == 0, f"run scripts/generate_cli_help.py\n{finished.stdout}"


def test_every_exit_code_stands_with_its_number() -> None:
    rows = re.findall(r"^\| (\d+) \| `([A-Z_]+)` \|", CLI, re.MULTILINE)
    assert rows == [(str(code.value), code.name) for code in ExitCode]


def test_every_style_of_progress_is_named() -> None:
    section = CLI.partition("## Progress")[2].partition("##")[0]
    assert all(f"`{style}`" in section for style in STYLES)


def test_every_field_of_the_run_report_is_described() -> None:
    section = CLI.partition("### JSON of `accept`")[2]
    assert first_column(section, "field") == list(RunReport.model_fields)


def test_every_field_of_the_verifiers_report_is_described() -> None:
    section = CLI.partition("### JSON of `verify`")[2]
    report = verify(b"", trusted=[])
    assert first_column(section, "field") == list(report.content())
    assert all(f"`{standing}`" in section for standing in Standing)


def test_every_field_of_record_and_bundle_is_described() -> None:
    record = FORMAT.partition("## The record")[2]
    described = first_column(record, "field")
    assert sorted(described) == sorted(Record.model_fields)
    bundle = FORMAT.partition("## The bundle")[2]
    assert sorted(first_column(bundle, "field")) == sorted(Bundle.model_fields)


def test_the_checks_stand_in_the_order_they_run() -> None:
    documented = first_column(FORMAT, "check")
    event = rotated(SERVER_KEY, key_of("next server"))
    bundle = Story().bundle().model_copy(update={"key_events": (event,)})
    seen = cosignature(checkpoint_text(bundle.record.encode()))
    passed = verify(
        logged(bundle, seen).to_bytes(),
        trusted=[SERVER_KEY.public],
        witnesses=Witnesses((WITNESS,), 1),
    ).passed
    ran = [name.replace("[0]", "[i]") for name in dict.fromkeys(passed)]
    assert documented == ran


def test_no_check_fails_under_a_name_that_is_not_documented() -> None:
    modules = (
        omega_agent.verify,
        omega_agent.verify_keys,
        omega_core.bundle,
        omega_core.envelope,
        omega_core.key_events,
    )
    sources = "".join(Path(module.__file__ or "").read_text("utf-8") for module in modules)
    raised = set(re.findall(r'EnvelopeError\(\s*f?"([a-z_\[\]{}]+)"', sources))
    named = {name.replace("{index}", "i") for name in raised}
    assert named <= set(first_column(FORMAT, "check"))


def test_a_run_report_fits_its_published_schema() -> None:
    schema = json.loads((ROOT / "docs" / "schemas" / "run-report.json").read_bytes())
    kept = Kept(sealed=Story().sealed_record(), item=None, in_outbox=True)
    content = content_of(run_report(kept, Delivery(waiting=True), saved=None, interrupted=False))
    assert fits(content, schema)
    assert not fits({**content, "surprise": 1}, schema)


def test_what_a_key_may_be_is_explained() -> None:
    table = FORMAT.partition("## Keys over time")[2].partition("## Two observers")[0]
    assert all(f"`{state}`" in table for state in KeyState)


@pytest.mark.parametrize("name", list(Unchecked))
def test_what_may_stay_unchecked_is_explained(name: Unchecked) -> None:
    assert name in first_column(FORMAT, "`unchecked`")
