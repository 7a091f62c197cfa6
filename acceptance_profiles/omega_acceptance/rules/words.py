"""What people read of rules and campaigns, in French and in English; one table a kind of code."""

from __future__ import annotations

from collections.abc import Mapping

from omega_acceptance.rules.campaign import NotPlanned
from omega_acceptance.rules.results import NotEvaluated, RuleOutcome
from omega_acceptance.rules.rule import Stat, Status
from omega_acceptance.rules.standing import Phase, Why
from omega_acceptance.sentences import Words
from omega_core.metrics import Direction
from omega_core.verdict import Outcome

STATUS: Mapping[Status, Words] = {
    Status.ACTIVE: Words("en vigueur", "active"),
    Status.DRAFT: Words("projet : non évaluée", "draft: not evaluated"),
    Status.RETIRED: Words("retirée : non évaluée", "retired: not evaluated"),
}
SOURCE: Mapping[str, Words] = {
    "original": Words("{act} (d'après le texte lui-même)", "{act} (from the text itself)"),
    "secondary": Words("{act} (de seconde main)", "{act} (second-hand)"),
}
PLANNED = Words("omega campaign la suit", "omega campaign takes it")
READ_AS = Words("Lu ainsi : {taken}", "Read as: {taken}")
UNCONFIRMED = Words(
    "Pas confirmé, pas employé : {about} ({value})", "Not confirmed, not used: {about} ({value})"
)

OUTCOME: Mapping[RuleOutcome, Words] = {
    RuleOutcome.DEVIATION: Words("écart", "deviation"),
    RuleOutcome.NO_DEVIATION: Words("pas d'écart", "no deviation"),
    RuleOutcome.COMPLIANT: Words("conforme", "compliant"),
    RuleOutcome.NOT_COMPLIANT: Words("non conforme", "not compliant"),
    RuleOutcome.COMPLETE: Words("complet", "complete"),
    RuleOutcome.INCOMPLETE: Words("incomplet", "incomplete"),
    RuleOutcome.REACHED: Words("atteint", "reached"),
    RuleOutcome.NOT_REACHED: Words("pas atteint", "not reached"),
    RuleOutcome.NOT_EVALUATED: Words("non évalué", "not evaluated"),
}

NOT_EVALUATED: Mapping[NotEvaluated, Words] = {
    NotEvaluated.DRAFT: Words(
        "la règle est un projet : personne n'a confirmé ce qu'elle demande",
        "the rule is a draft: nobody has confirmed what it asks for",
    ),
    NotEvaluated.RETIRED: Words("la règle n'a plus cours", "the rule was retired"),
    NotEvaluated.NOT_IN_FORCE: Words(
        "la règle n'est pas en vigueur ce jour-là", "the rule is not in force on that day"
    ),
    NotEvaluated.NO_RUNS: Words("aucune mesure valable", "no valid run"),
    NotEvaluated.CONTRACT_INCOMPLETE: Words(
        "contrat incomplet : un débit n'y figure pas", "contract incomplete: it lacks a rate"
    ),
    NotEvaluated.CELL_UNKNOWN: Words(
        "le nombre de ménages de la maille n'est pas connu",
        "how many households are in the cell is not known",
    ),
    NotEvaluated.CAMPAIGN_OPEN: Words(
        "la campagne n'est pas terminée", "the campaign is not complete"
    ),
    NotEvaluated.CAMPAIGN_VOID: Words("la campagne est nulle", "the campaign is void"),
}

NOT_PLANNED: Mapping[NotPlanned, Words] = {
    NotPlanned.DRAFT: NOT_EVALUATED[NotEvaluated.DRAFT],
    NotPlanned.RETIRED: NOT_EVALUATED[NotEvaluated.RETIRED],
    NotPlanned.NOT_IN_FORCE: NOT_EVALUATED[NotEvaluated.NOT_IN_FORCE],
    NotPlanned.NO_CALENDAR: Words(
        "la règle ne dit pas quand les mesures se prennent",
        "the rule does not say when its runs are taken",
    ),
}

PHASE: Mapping[Phase, Words] = {
    Phase.READY: Words("une mesure est possible maintenant", "a run may be taken now"),
    Phase.TOO_EARLY: Words("trop tôt", "too early"),
    Phase.COMPLETE: Words("terminée", "complete"),
    Phase.VOID: Words("nulle", "void"),
}

WHY: Mapping[Why, Words] = {
    Why.GAP: Words(
        "la pause entre deux mesures n'est pas finie", "the pause between two runs is not over"
    ),
    Why.LONG_GAP: Words(
        "la longue pause de la journée n'est pas finie", "the long pause of the day is not over"
    ),
    Why.INTERVAL: Words(
        "l'intervalle entre deux essais n'est pas passé",
        "the interval between two tests has not passed",
    ),
    Why.DAY_DONE: Words(
        "les mesures de ce jour sont faites", "the runs of this day have been taken"
    ),
    Why.DAY_GAP: Words(
        "un jour sans mesure sépare deux jours de mesure",
        "a day without a run lies between two days of measuring",
    ),
    Why.DAY_TOO_SHORT: Words(
        "les mesures d'un jour ne tiennent plus dans celui-ci",
        "the runs of a day no longer fit into this one",
    ),
    Why.RUNS_TOO_CLOSE: Words(
        "deux mesures se suivent de trop près", "two runs followed too closely on each other"
    ),
    Why.DAYS_TOO_CLOSE: Words(
        "deux jours de mesure se suivent de trop près",
        "two days of measuring followed too closely on each other",
    ),
    Why.DAY_UNFINISHED: Words(
        "un jour commencé n'a pas toutes ses mesures",
        "a day that was begun does not have all its runs",
    ),
    Why.SPAN: Words(
        "les jours qui restent sortent de la durée permise",
        "the days that are left lie outside the time allowed",
    ),
    Why.TOO_MANY: Words(
        "elle a autant de tentatives qu'une campagne peut en avoir",
        "it has as many attempts as a campaign may have",
    ),
    Why.CONTRACT_CHANGED: Words(
        "les débits du contrat ont changé en cours de campagne",
        "the contracted rates changed during the campaign",
    ),
}

DIRECTION: Mapping[Direction, Words] = {
    Direction.DOWN: Words("descendant", "download"),
    Direction.UP: Words("montant", "upload"),
}

COUNTED: Mapping[Stat, Words] = {
    Stat.DAYS_WITH_ANY: Words("{found} jours sur {among}", "{found} of {among} days"),
    Stat.SHARE_OF_RUNS: Words("{found} mesures sur {among}", "{found} of {among} runs"),
    Stat.SHARE_OF_TIME: Words("{share} du temps", "{share} of the time"),
    Stat.SHARE_OF_DELAY_TESTS: Words(
        "{found} essais de délai sur {among}", "{found} of {among} delay tests"
    ),
}

DEVIATES_IF = Words("écart si {op} {bound}", "deviation if {op} {bound}")
COMPLIES_IF = Words("conforme si {op} {bound}", "compliant if {op} {bound}")

STATISTICAL: Mapping[Outcome, Words] = {
    Outcome.PASS: Words("prouvé", "proved"),
    Outcome.FAIL: Words("réfuté", "disproved"),
    Outcome.INCONCLUSIVE: Words("indécis", "undecided"),
}

HEAD = Words(
    "Campagne {id}, offre {plan} : {phase} ({done} sur {needed})",
    "Campaign {id}, plan {plan}: {phase} ({done} of {needed})",
)
TRIED = Words(
    "tentatives : {attempts}, valables : {valid} ; jours de {zone}",
    "attempts: {attempts}, valid: {valid}; days of {zone}",
)
RULE_SAYS = Words("Résultat de la règle {rule} : {outcome}", "Result of rule {rule}: {outcome}")
STATISTICS_SAY = Words(
    "Verdict statistique, {predicate}, {direction} : {outcome}"
    " ({bad} mesures insuffisantes sur {runs} ; promis au plus {p0})",
    "Statistical verdict, {predicate}, {direction}: {outcome}"
    " ({bad} of {runs} runs fell short; at most {p0} promised)",
)
LOOKS = Words(
    "{one}{any} à tout moment ; de bonnes mesures : {low} à {high}",
    "{one}{any} at any time; good runs: {low} to {high}",
)
ONE_LOOK = Words("{one} en un seul regard, ", "{one} by one look, ")
NO_STATISTICS = Words(
    "Verdict statistique : aucune part de mesures à juger",
    "Statistical verdict: no share of runs to judge",
)
WRONG = Words(
    "Une règle qui compare des valeurs nues déclare en écart ({predicate}, {runs} mesures) une"
    " ligne qui tient exactement sa promesse ({share} des mesures) avec une probabilité de"
    " {wrong} ; {more}.",
    "A rule that compares bare values finds a line that keeps its promise exactly ({share} of all"
    " runs) deviating ({predicate}, {runs} runs) with a probability of {wrong}; {more}.",
)
WRONG_AT = Words("{wrong} à {share}", "{wrong} at {share}")
CYCLE = Words(
    "Cycle du {day} : {minutes} min, essais : {tests}",
    "Cycle of {day}: {minutes} min, tests: {tests}",
)
CYCLE_CUT = Words(" (trop court)", " (too short)")
SIDE_BY_SIDE = Words(
    "Le résultat de la règle et le verdict statistique répondent à deux questions ; ni l'un ni"
    " l'autre ne remplace l'autre.",
    "The rule's result and the statistical verdict answer two questions; neither stands for the"
    " other.",
)
