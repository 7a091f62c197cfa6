"""What an agent tells the probe while a standard session goes on, and what it tells people."""

from __future__ import annotations

import io
import json
import threading

import pytest

from omega_acceptance.catalogue import Catalogue
from omega_acceptance.enough import packets_needed
from omega_agent.displays import Display, JsonDisplay, LineDisplay
from omega_agent.steering import Steering
from omega_agent.texts import Speaker
from omega_core.evidence import Evidence
from omega_core.verdict import Fault, Judgement, Mode, Verdict
from omega_probe.guide import Found, Guide
from support.facts import environment, idle_stream
from support.profiles import RUN, carried, exact_run, good_evidence, profile, tries

WIMAX = Catalogue.builtin().get("wimax-home-2m", 2)
LIMIT_BPS = 1_386_515  # of RUN: 90 % of the normal rate, as TCP payload
LOOK = Evidence(attempts=tries(), idle=(idle_stream(packets=151),))


def first_answer(evidence: Evidence, *faults: Fault) -> Judgement:
    told: list[Judgement] = []
    guide: Guide = Steering(WIMAX, until_decided=False, tell_first=told.append)
    guide.looked(Found(evidence=evidence, environment=environment(), faults=faults))
    (judgement,) = told
    return judgement


def windows(share: float) -> Evidence:
    """Return what a look comes to on a line of a share of the offer."""
    first = tuple(run for run in carried(WIMAX, share) if run.started_offset_us == 0)
    return Evidence(attempts=LOOK.attempts, idle=LOOK.idle, capacity=first)


@pytest.mark.parametrize(
    ("share", "verdict"),
    [
        pytest.param(1.0, Verdict.PASS, id="the line carries the rate"),
        pytest.param(0.5, Verdict.INCONCLUSIVE, id="it is short, once: a fade is no verdict"),
    ],
)
def test_the_first_answer_is_that_of_mode_quick(share: float, verdict: Verdict) -> None:
    answer = first_answer(windows(share))
    assert (answer.mode, answer.verdict) == (Mode.QUICK, verdict)


def test_what_spoils_the_session_spoils_its_first_answer() -> None:
    assert first_answer(windows(1.0), Fault.CROSS_TRAFFIC).verdict is Verdict.INVALID


def test_the_probe_is_told_what_the_judge_says() -> None:
    guide = Steering(WIMAX, until_decided=False, tell_first=lambda _: None)
    seen = good_evidence(idle=(idle_stream(packets=3_000, rtt_us=60_000),))
    assert guide.packets_needed(seen) == packets_needed(WIMAX, Mode.STANDARD, seen) > 3_000
    assert guide.is_answered("goodput_down", good_evidence())
    assert not guide.is_answered("goodput_up", good_evidence(goodput=()))


@pytest.mark.parametrize("until_decided", [False, True])
def test_who_wants_to_know_goes_on_at_the_limit(*, until_decided: bool) -> None:
    guide = Steering(profile(RUN), until_decided=until_decided, tell_first=lambda _: None)
    at_limit = good_evidence(goodput=(exact_run(rate_bps=LIMIT_BPS),) * 3)
    assert guide.is_answered("goodput_down", at_limit) is not until_decided


def test_people_read_the_first_answer_and_what_it_rests_on() -> None:
    stream = io.StringIO()
    shown = LineDisplay(Speaker("en"), threading.Event(), stream)
    shown.first_answer(first_answer(windows(1.0)))
    head, *rests_on = stream.getvalue().splitlines()
    assert head == "✓ FIRST ANSWER: the line keeps what a short look shows; proof follows."
    assert [line[:8] for line in rests_on] == ["  ✓ kept"] * 3
    assert "sold IP rate carried down" in rests_on[1]


def test_they_read_what_spoils_it_in_their_language() -> None:
    stream = io.StringIO()
    shown = LineDisplay(Speaker("fr"), threading.Event(), stream)
    shown.first_answer(first_answer(windows(1.0), Fault.CROSS_TRAFFIC))
    head, fault, *_ = stream.getvalue().splitlines()
    assert head == "! PREMIÈRE RÉPONSE : aucune, quelque chose fausse cette mesure."
    assert fault.startswith("  ! ")


def test_a_program_reads_it_as_an_event() -> None:
    stream = io.StringIO()
    JsonDisplay(Speaker("en"), threading.Event(), stream).first_answer(first_answer(windows(1.0)))
    assert json.loads(stream.getvalue()) == {
        "event": "first_answer",
        "verdict": "pass",
        "faults": [],
        "outcomes": {"reach": "pass", "rate-dn": "pass", "rate-up": "pass"},
    }


def test_a_display_that_shows_nothing_does_not_show_it_either(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Display(Speaker("en"), threading.Event()).first_answer(first_answer(windows(1.0)))
    assert capsys.readouterr() == ("", "")
