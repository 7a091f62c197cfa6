"""Write docs/schemas/*.json: JSON Schema of everything that is signed or kept, from the models.

    python scripts/generate_schemas.py            write them
    python scripts/generate_schemas.py --check    only say which are out of date; leaves with 1

The models stay the authority: they check more than a schema can say (a metric's unit, one grant or
a reason for none), and read bytes more strictly than a schema does (no duplicate keys).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from omega_acceptance.rules.report import CampaignReport
from omega_agent.campaign_status import CampaignStatus
from omega_agent.report import RunReport
from omega_agent.verify_folder import FolderReport
from omega_core.bundle import Bundle
from omega_core.control import (
    ConsistencyProof,
    EnrolmentRequest,
    Grant,
    KeyStatement,
    Observation,
    Receipt,
    Refusal,
    SessionRequest,
)
from omega_core.instruction import CheckIn, CheckInAnswer, Instruction, InstructionReport
from omega_core.key_events import KeyRevocation, KeyRotation
from omega_core.models import StrictModel
from omega_core.record import Measurement, Record

SCHEMAS: dict[str, type[StrictModel]] = {
    "bundle": Bundle,
    "campaign-report": CampaignReport,
    "campaign-status": CampaignStatus,
    "check-in": CheckIn,
    "check-in-answer": CheckInAnswer,
    "consistency-proof": ConsistencyProof,
    "enrolment-request": EnrolmentRequest,
    "folder-report": FolderReport,
    "grant": Grant,
    "instruction": Instruction,
    "instruction-report": InstructionReport,
    "key-revocation": KeyRevocation,
    "key-rotation": KeyRotation,
    "key-statement": KeyStatement,
    "measurement": Measurement,
    "observation": Observation,
    "receipt": Receipt,
    "record": Record,
    "refusal": Refusal,
    "run-report": RunReport,
    "session-request": SessionRequest,
}
FOLDER = Path(__file__).parents[1] / "docs" / "schemas"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(model: type[StrictModel]) -> dict[str, Any]:
    """Return the schema of a message as it travels: it always says its version."""
    schema = model.model_json_schema()
    version = [name for name in ("schema_version", "bundle_version") if name in model.model_fields]
    schema["required"] = version + schema["required"]
    return {"$schema": _DIALECT, **schema}


def schema_texts() -> dict[str, str]:
    """Return the content of every schema file, by its name."""
    return {
        f"{name}.json": json.dumps(schema_of(model), indent=2, ensure_ascii=False) + "\n"
        for name, model in SCHEMAS.items()
    }


def main() -> int:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description="JSON Schema of Omega's messages")
    parser.add_argument("--check", action="store_true", help="write nothing, leave with 1")
    only_check = parser.parse_args().check
    FOLDER.mkdir(exist_ok=True)
    stale = 0
    for name, text in schema_texts().items():
        path = FOLDER / name
        if path.exists() and path.read_text("utf-8") == text:
            continue
        stale += 1
        print(f"{'out of date' if only_check else 'written'}: docs/schemas/{name}")
        if not only_check:
            path.write_text(text, "utf-8")
    return 1 if only_check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
