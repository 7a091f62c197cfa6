"""Results for people, as lines of text for stdout: a verdict and its criteria, or plain figures.

The verdict comes first, in words; then the criteria with word and sign; then why, for those that
are not kept; then what became of the record. Nothing is judged here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omega_acceptance import sentences
from omega_acceptance.explain import (
    criterion_name,
    criterion_sentence,
    fault_sentence,
    figure,
    metric_name,
    verdict_sentence,
)
from omega_acceptance.figures import count, figure_pair
from omega_acceptance.sentences import Words
from omega_agent.errors import in_language
from omega_agent.moments import utc
from omega_agent.report import RunReport
from omega_agent.tables import SIGN, coloured, table
from omega_agent.texts import Speaker
from omega_core.errors import OmegaError
from omega_core.evidence import Evidence
from omega_core.metrics import LimitCause, MetricValue, NoValue
from omega_core.record import Cost, Measurement
from omega_core.units import PPM
from omega_core.verdict import CriterionOutcome, Fault, Judgement, Outcome, Verdict

_FIGURES_RIGHT = frozenset({1, 2})
_CRITERIA_RIGHT = frozenset({3, 4})
_NOT_MEANT = {NoValue.NOT_MEASURED, NoValue.NO_GRANT}
_BOUND = {"at_least": "≥", "at_most": "≤"}


@dataclass(frozen=True, slots=True)
class Shower:
    """Says results in one language, with colour or without."""

    speaker: Speaker
    colour: bool

    def measurement(
        self, found: Measurement, evidence: Evidence, *, failure: OmegaError | None, cut_short: bool
    ) -> list[str]:
        """Return a sentence on the whole, what was in vain, and every quantity with its value.

        `failure` is why there was no session.
        """
        if failure is not None:
            why = in_language(failure, self.speaker.language)
            head = self._signed("✗", self.speaker.say("line_dead", why=why))
        elif cut_short:
            head = self._signed("✗", self.speaker.say("measured_in_part"))
        elif found.validity:
            head = self._signed("!", self.speaker.say("measured_invalid"))
        else:
            head = self._signed("✓", self.speaker.say("measured_valid"))
        return [
            head,
            *self._faults(found.validity),
            *self._attempts_in_vain(evidence),
            "",
            *self._figures(found.metrics),
            self._cost(found),
        ]

    def judgement(self, judgement: Judgement, found: Measurement) -> list[str]:
        """Return the verdict in words, the criteria as a table, and why some are not kept."""
        lang = self.speaker.language
        why = [
            f"  {SIGN[each.outcome]} {criterion_sentence(each, lang)}"
            for each in judgement.outcomes
            if each.mandatory and each.outcome is not Outcome.PASS
        ]
        return [
            self._signed(SIGN[judgement.verdict], verdict_sentence(judgement.verdict, lang)),
            *self._faults(judgement.faults),
            "",
            *self._criteria(judgement.outcomes),
            "",
            *why,
            *([""] if why else []),
            self._words(sentences.SCOPE[judgement.mode]),
            self._cost(found),
        ]

    def saved(self, saving: Cost | None, verdict: Verdict) -> list[str]:
        """Return what was not needed, or would not have helped; nothing where all was taken."""
        if saving is None:
            return []
        lang, decided = self.speaker.language, verdict in {Verdict.PASS, Verdict.FAIL}
        return [
            self.speaker.say(
                "saved" if decided else "saved_in_vain",
                seconds=saving.duration_ms // 1_000,
                down=count(saving.bytes_down // PPM, lang),
                up=count(saving.bytes_up // PPM, lang),
            )
        ]

    def _attempts_in_vain(self, evidence: Evidence) -> list[str]:
        """Return which kinds of attempt failed, how often, and why; nothing when none did."""
        tried: Counter[tuple[str, bool]] = Counter()
        failed: Counter[tuple[str, bool, str]] = Counter()
        for each in evidence.attempts:
            family = "" if each.family is None else f" IPv{each.family}"
            kind = f"{self.speaker.say(f'attempt_{each.kind}')}{family}", each.to_test_point
            tried[kind] += 1
            if not each.answered:
                failed[*kind, each.reason or ""] += 1
        return [
            self.speaker.say(
                "in_vain_test_point" if to_test_point else "in_vain_server",
                kind=kind,
                failed=times,
                tried=tried[kind, to_test_point],
                why=self.speaker.reason(reason),
            )
            for (kind, to_test_point, reason), times in failed.items()
        ]

    def server_differs(self, preview: Verdict) -> str:
        """Return that the server judged otherwise than the agent, whose preview this was."""
        sentence = verdict_sentence(preview, self.speaker.language)
        return self.speaker.say("server_differs", preview=sentence)

    def fate(self, report: RunReport) -> list[str]:
        """Return what became of the record."""
        say, digest = self.speaker.say, report.record_digest
        if report.receipt is not None:
            lines = [
                say(
                    f"posted_{report.receipt.posted_to}",
                    id=report.receipt.posted_id,
                    digest=digest,
                    at=utc(report.receipt.received_unix_us),
                )
            ]
        elif report.refused is not None:
            lines = [say("refused", why=self.speaker.refusal(report.refused), digest=digest)]
        elif report.waiting:
            lines = [say("waiting", digest=digest)]
        else:
            lines = [say("not_waiting", digest=digest)]
        return [*([say("interrupted")] if report.interrupted else []), *lines]

    def _faults(self, faults: Sequence[Fault]) -> list[str]:
        """Return what spoiled the run, one line each."""
        return [f"  ! {fault_sentence(fault, self.speaker.language)}" for fault in faults]

    def _figures(self, metrics: Mapping[str, MetricValue]) -> list[str]:
        """Return the metrics that have a value as a table, then why others have none.

        A rate that something else than the line has limited is said to be so. What no task of the
        run was to measure stays unsaid here; `--json` has every name.
        """
        say, lang = self.speaker.say, self.speaker.language
        head = (say("col_quantity"), say("col_value"), say("col_samples"))
        rows = [
            (
                metric_name(name, lang),
                figure(each.value, each.unit, lang),
                count(each.samples, lang),
            )
            for name, each in metrics.items()
            if each.value is not None
        ]
        absent: dict[str, list[str]] = {}
        for name, each in metrics.items():
            if each.reason is not None and each.reason not in _NOT_MEANT:
                absent.setdefault(say(f"absent_{each.reason}"), []).append(metric_name(name, lang))
        lines = table([head, *rows], right=_FIGURES_RIGHT) if rows else []
        lines += [
            say(f"limited_{each.limited_by}", name=metric_name(name, lang))
            for name, each in metrics.items()
            if each.limited_by is not None and each.limited_by is not LimitCause.PATH
        ]
        lines += [f"{why}: {'; '.join(names)}" for why, names in absent.items()]
        return [*lines, ""] if lines else []

    def _criteria(self, outcomes: Sequence[CriterionOutcome]) -> list[str]:
        say = self.speaker.say
        head = ("", "", say("col_criterion"), say("col_found"), say("col_promised"), "")
        lines = table([head, *map(self._row, outcomes)], right=_CRITERIA_RIGHT)
        return [
            lines[0],
            *(
                coloured(line, SIGN[each.outcome], colour=self.colour)
                for line, each in zip(lines[1:], outcomes, strict=True)
            ),
        ]

    def _row(self, each: CriterionOutcome) -> tuple[str, ...]:
        lang = self.speaker.language
        if each.value is None:
            found, limit = "-", figure(each.limit, each.unit, lang)
        else:
            found, limit = figure_pair(each.value, each.limit, each.unit, lang)
        return (
            SIGN[each.outcome],
            self._words(sentences.OUTCOME[each.outcome]),
            criterion_name(each, lang),
            found,
            f"{_BOUND.get(each.op, each.op)} {limit}",
            "" if each.mandatory else f"({self._words(sentences.ADVISORY)})",
        )

    def _cost(self, found: Measurement) -> str:
        """Return what the measurement took."""
        return self.speaker.say(
            "cost",
            down=count(-(-found.cost.bytes_down // PPM), self.speaker.language),
            up=count(-(-found.cost.bytes_up // PPM), self.speaker.language),
            seconds=-(-found.cost.duration_ms // 1_000),
        )

    def _signed(self, sign: str, sentence: str) -> str:
        return coloured(f"{sign} {sentence}", sign, colour=self.colour)

    def _words(self, words: Words) -> str:
        return words.fr if self.speaker.language == "fr" else words.en
