"""docs/acceptance-profiles.md says what is so, and the package keeps to what it may import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import omega_acceptance
from omega_acceptance.catalogue import PLANS_DIRECTORY, Catalogue
from omega_acceptance.profile import AcceptanceProfile, Criterion, Statistic
from omega_core.verdict import Because
from support.profiles import VECTORS

PACKAGE = Path(omega_acceptance.__file__).parent
DOCUMENT = (Path(__file__).parents[3] / "docs" / "acceptance-profiles.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", DOCUMENT, re.DOTALL)
MAY_IMPORT = {"omega_acceptance", "omega_core", "pydantic", "pydantic_core"}
NEVER = {"asyncio", "os", "random", "socket", "subprocess", "threading", "time"}


def test_toml_in_the_document_is_quoted_from_a_shipped_plan() -> None:
    quoted = [text for language, text in BLOCKS if language == "toml"]
    plan = (PLANS_DIRECTORY / "wimax-home-2m-v2.toml").read_text()
    assert quoted
    assert all(text in plan for text in quoted)


def test_mistakes_in_the_document_are_those_of_the_vectors() -> None:
    (examples,) = [text for language, text in BLOCKS if not language]
    messages = {path.read_text().splitlines()[0] for path in VECTORS.glob("*_fail/expected")}
    assert {*examples.splitlines()} <= messages


@pytest.mark.parametrize("code", [*Because, *Statistic])
def test_every_code_is_documented(code: str) -> None:
    assert f"`{code}`" in DOCUMENT or code in {Because.MET, Because.NOT_MET}


@pytest.mark.parametrize(
    "key",
    [
        field.alias or name
        for model in (AcceptanceProfile, Criterion)
        for name, field in model.model_fields.items()
        if name not in {"criteria", "contracted", "budget"}
    ],
)
def test_every_key_is_documented(key: str) -> None:
    assert f"`{key}`" in DOCUMENT


def test_every_shipped_plan_is_documented() -> None:
    for profile in Catalogue.builtin().profiles:
        for name in (profile.id, *profile.plan_ids):
            assert f"`{name}`" in DOCUMENT


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_nothing_but_core_pydantic_and_the_standard_library_is_imported(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for root in {name.partition(".")[0] for name in names}:
            assert root in MAY_IMPORT or root in sys.stdlib_module_names
            assert root not in NEVER


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        pytest.param(
            "explain", {"pydantic", "cryptography", "httpx", "numpy", "rich"}, id="words are light"
        ),
        pytest.param("evaluate", {"cryptography", "httpx", "numpy", "rich"}, id="so is the judge"),
    ],
)
def test_a_fresh_interpreter_loads_nothing_heavy(module: str, absent: set[str]) -> None:
    program = f"import omega_acceptance.{module}, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not absent & {name.partition(".")[0] for name in loaded}
