"""The published JSON Schemas are those of the models, and real messages fit them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from omega_core.models import StrictModel, content_of
from support.builders import (
    grant,
    key_statement,
    measurement,
    observation,
    papers,
    receipt,
    record,
    session_request,
    ungranted_record,
)
from support.json_schema import fits

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "docs" / "schemas"


def test_schemas_are_up_to_date() -> None:
    check = [sys.executable, str(ROOT / "scripts" / "generate_schemas.py"), "--check"]
    finished = subprocess.run(check, check=False, capture_output=True, text=True)
    assert finished.returncode == 0, f"run scripts/generate_schemas.py\n{finished.stdout}"


MESSAGES: list[tuple[str, StrictModel]] = [
    ("record", record()),
    ("record", ungranted_record()),
    ("measurement", measurement()),
    ("grant", grant()),
    ("observation", observation()),
    ("session-request", session_request()),
    ("key-statement", key_statement()),
    ("receipt", receipt(papers().record)),
    ("bundle", papers().bundle()),
]


@pytest.mark.parametrize(("name", "message"), MESSAGES, ids=[name for name, _ in MESSAGES])
def test_what_we_write_fits_the_published_schema(name: str, message: StrictModel) -> None:
    schema = json.loads((SCHEMAS / f"{name}.json").read_bytes())
    content = content_of(message)
    assert fits(content, schema)
    version = next(key for key in content if key.endswith("_version"))
    assert not fits({**content, version: 2}, schema)
    assert not fits({**content, "surprise": 1}, schema)
    assert not fits({key: content[key] for key in content if key != version}, schema)


BANNED = re.compile(
    "jitter|speed|bandwidth|throughput|ping|latency|median|client|success|error|mbps|percent"
)


def test_no_name_in_json_is_one_the_glossary_bans() -> None:
    names = {name for path in SCHEMAS.glob("*.json") for name in names_in(path)}
    assert len(names) > 150
    assert {name for name in names if BANNED.search(name)} == {"tx_errors"} & names


def names_in(path: Path) -> set[str]:
    """Return every property name of a schema file."""
    schemas = [json.loads(path.read_bytes())]
    names = set[str]()
    while schemas:
        schema = schemas.pop()
        names |= schema.get("properties", {}).keys()
        schemas += [*schema.get("$defs", {}).values(), *schema.get("properties", {}).values()]
    return names
