"""The words of a judgement, where programs rely on them."""

from __future__ import annotations

from omega_core.verdict import EXIT_CODE_OF_VERDICT, Decision, Outcome, Verdict


def test_the_exit_codes_are_those_of_the_documents_and_never_one_or_two() -> None:
    assert EXIT_CODE_OF_VERDICT == {"pass": 0, "fail": 10, "inconclusive": 11, "invalid": 12}
    assert EXIT_CODE_OF_VERDICT.keys() == set(Verdict)


def test_what_came_to_one_criterion_is_said_in_the_words_of_the_line() -> None:
    assert {str(each) for each in Outcome} == {str(each) for each in Verdict} - {"invalid"}


def test_a_decision_has_read_everything_unless_it_says_otherwise() -> None:
    plain = Decision(false_outcome_ppm=None, false_pass_ppm=50_000, false_fail_ppm=50_000)
    assert (plain.after_stop, plain.more_needed, plain.share, plain.runs) == (0, None, None, None)
