"""Every refusal has a status, a title and somebody who can mend it; the documents say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from omega_core.control import Refusal
from omega_core.limits import RETRY_AFTER_S_MAX, RETRY_AFTER_S_MIN
from omega_server.refusals import KINDS, RETRIED, Code, RefusalError, spread_retry_after_s

DOCUMENT = Path(__file__).parents[3] / "docs" / "api.md"
ROW = re.compile(r"^\| `([a-z_]+)` \| (\d{3}) \| (.+) \| (.+) \|$", re.MULTILINE)


def test_every_code_has_its_kind() -> None:
    assert set(KINDS) == set(Code)


@pytest.mark.parametrize("code", list(Code))
def test_a_refusal_is_a_problem_detail(code: Code) -> None:
    refusal = RefusalError(code, "because").refusal()
    assert Refusal.model_validate_json(refusal.model_dump_json()) == refusal
    assert (refusal.code, refusal.status) == (code.value, KINDS[code].status)
    assert refusal.detail == "because"


def test_the_document_lists_every_refusal_as_it_is() -> None:
    documented = {
        name: (int(status), title, who)
        for name, status, title, who in ROW.findall(DOCUMENT.read_text("utf-8"))
    }
    assert documented == {
        code.value: (kind.status, kind.title, kind.who_acts) for code, kind in KINDS.items()
    }


def test_every_refusal_is_raised_somewhere() -> None:
    sources = "".join(
        path.read_text("utf-8")
        for path in (DOCUMENT.parents[1] / "server/omega_server").rglob("*.py")
        if path.name != "refusals.py" and "testpoint" not in path.parts
    )
    unused = [code.value for code in Code if f"Code.{code.name}" not in sources]
    assert unused == []


def test_only_what_may_pass_says_when_to_come_back() -> None:
    for code, kind in KINDS.items():
        retry = RefusalError(code, "because").retry_after_s
        assert (retry is not None) == (kind.status == 503)
        assert retry is None or kind.status in RETRIED


def test_those_refused_together_come_back_apart() -> None:
    seen = {spread_retry_after_s() for _ in range(200)}
    assert seen == set(range(RETRY_AFTER_S_MIN, RETRY_AFTER_S_MAX + 1))
