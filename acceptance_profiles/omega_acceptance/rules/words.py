"""What people read of rules and campaigns, in French and in English; one table a kind of code."""

from __future__ import annotations

from collections.abc import Mapping

from omega_acceptance.rules.campaign import NotPlanned
from omega_acceptance.rules.codes import ContractBase, NotEvaluated, RuleOutcome
from omega_acceptance.rules.rule import Op, Stat, Status
from omega_acceptance.rules.standing import Phase, Why
from omega_acceptance.sentences import Words
from omega_core.metrics import Direction
from omega_core.verdict import Outcome

STATUS: Mapping[Status, Words] = {
    Status.ACTIVE: Words("active", "active"),
    Status.DRAFT: Words("projet : non évaluée", "draft: not evaluated"),
    Status.RETIRED: Words("retirée : non évaluée", "retired: not evaluated"),
}
SOURCE: Mapping[str, Words] = {
    "original": Words("{act} (d'après le texte lui-même)", "{act} (from the text itself)"),
    "secondary": Words("{act} (de seconde main)", "{act} (second-hand)"),
}
PLANNED = Words("omega campaign la suit", "omega campaign takes it")
CAN_BE_PLANNED = Words(
    "Campagne : omega campaign start --rule {rule}", "Campaign: omega campaign start --rule {rule}"
)
CAN_NOT_BE_PLANNED = Words("Pas de campagne : {why}", "No campaign: {why}")
ARCHIVED = Words(
    "Copie archivée du texte : SHA-256 {digest}", "Archived copy of the text: SHA-256 {digest}"
)
NOT_ARCHIVED = Words(
    "Aucune copie du texte n'est archivée", "No copy of the text has been archived"
)
FORCE: Mapping[tuple[bool, bool], Words] = {
    (True, True): Words("en vigueur du {begin} au {end}", "in force from {begin} to {end}"),
    (True, False): Words("en vigueur à partir du {begin}", "in force from {begin} on"),
    (False, True): Words("en vigueur jusqu'au {end}", "in force until {end}"),
    (False, False): Words("sans date de début ni de fin", "without a first or a last day"),
}
"""By whether a first and a last day are given."""
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
    NotEvaluated.CAMPAIGN_NEEDED: Words("il y faut une campagne", "it takes a campaign"),
    NotEvaluated.CAMPAIGN_OPEN: Words(
        "la campagne n'est pas terminée", "the campaign is not complete"
    ),
    NotEvaluated.CAMPAIGN_VOID: Words("la campagne est nulle", "the campaign is void"),
    NotEvaluated.EVENTS_NEEDED: Words(
        "elle attend des événements qu'une mesure ne voit pas",
        "it waits for events that no measurement sees",
    ),
    NotEvaluated.RULE_UNKNOWN: Words(
        "ce programme ne connaît pas la règle", "this program does not have the rule"
    ),
}

NOT_PLANNED: Mapping[NotPlanned, Words] = {
    NotPlanned.DRAFT: Words(
        "c'est un projet, et personne n'a confirmé dans le texte : {unconfirmed}",
        "it is a draft, and nobody has confirmed in the text: {unconfirmed}",
    ),
    NotPlanned.RETIRED: NOT_EVALUATED[NotEvaluated.RETIRED],
    NotPlanned.NOT_IN_FORCE: Words("elle est {force}", "it is {force}"),
    NotPlanned.CONTRACT_ONLY: Words(
        "elle n'examine que le contrat et ne demande aucune mesure ; son résultat se lit à côté"
        " de chaque jugement de l'offre qui la nomme",
        "it looks at the contract alone and asks for no run; its result stands beside every"
        " judgement of a plan that names it",
    ),
    NotPlanned.OTHER_EVENTS: Words(
        "elle attend ce qu'aucune mesure ne produit : {events}",
        "it waits for what no measurement makes: {events}",
    ),
    NotPlanned.HOURS_UNKNOWN: Words(
        "personne n'a confirmé dans le texte quand ses mesures se prennent : {unconfirmed}",
        "nobody has confirmed in the text when its runs are taken: {unconfirmed}",
    ),
    NotPlanned.NO_CALENDAR: Words(
        "elle ne fixe ni le nombre ni l'heure des mesures : on pourrait s'arrêter au meilleur"
        " moment",
        "it fixes neither the number nor the time of its runs: one could stop at the best moment",
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
    Why.NOT_IN_FORCE: Words(
        "la règle n'était plus en vigueur ce jour-là", "the rule was no longer in force on that day"
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

DEVIATES_IF = Words("écart : {bound}", "deviation: {bound}")
COMPLIES_IF = Words("conforme : {bound}", "compliant: {bound}")
BOUND: Mapping[Op, Words] = {
    ">=": Words("{bound} ou plus", "{bound} or more"),
    ">": Words("plus de {bound}", "more than {bound}"),
    "<=": Words("{bound} ou moins", "{bound} or less"),
    "<": Words("moins de {bound}", "less than {bound}"),
}
DAYS = Words("{days} jours", "{days} days")
CONDITION: Mapping[Op, Words] = {
    ">=": Words("au moins {limit}", "at least {limit}"),
    ">": Words("plus que {limit}", "more than {limit}"),
    "<=": Words("au plus {limit}", "at most {limit}"),
    "<": Words("moins que {limit}", "less than {limit}"),
}
WHOLE_RATE = Words("le {base}", "the {base}")
SHARE_OF_RATE = Words("{share} du {base}", "{share} of the {base}")
SHARE_OF_CELL = Words("la part du {base} qui vaut en ce lieu", "the place's share of the {base}")

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
    "tentatives : {attempts}, valables : {valid} ; jours à l'heure de {zone}",
    "attempts: {attempts}, valid: {valid}; days by the clocks of {zone}",
)
RULE_SAYS = Words("Résultat de la règle {rule} : {outcome}", "Result of rule {rule}: {outcome}")
STATISTICS_SAY = Words(
    "Verdict statistique, {direction}, {condition} dans {promised} des mesures : {outcome}"
    " (erreur d'au plus {error}). En dessous : {bad} mesures sur {runs} ; la vraie part de bonnes"
    " mesures est d'au moins {low} et d'au plus {high}.",
    "Statistical verdict, {direction}, {condition} in {promised} of all runs: {outcome}"
    " (error at most {error}). {bad} of {runs} runs fell short; the true share of good runs is at"
    " least {low} and at most {high}.",
)
SO_FAR = Words("{outcome} jusqu'ici", "{outcome} so far")
ALL_TOGETHER = Words(
    "{outcome} par les {runs} mesures ensemble, {anytime} si on le relit après chaque mesure",
    "{outcome} by all {runs} runs together, {anytime} if read after every run",
)
NO_STATISTICS = Words(
    "Verdict statistique : aucune part de mesures à juger",
    "Statistical verdict: no share of runs to judge",
)
WRONG = Words(
    "Une comparaison nue se trompe parfois : une ligne qui tient tout juste sa promesse"
    " ({condition} dans {share} des mesures), cette règle la dit en écart dans {wrong} des"
    " campagnes de {runs} mesures ; {more}.",
    "A bare comparison is wrong at times: of a line that just keeps its promise ({condition} in"
    " {share} of all runs) this rule finds a deviation in {wrong} of all campaigns of {runs} runs;"
    " {more}.",
)
AND = Words(" ; ", "; ")
WRONG_AT = Words("à {share}, dans {wrong}", "at {share}, in {wrong}")
CYCLE = Words(
    "Cycle du {day} : {minutes} min, essais : {tests}",
    "Cycle of {day}: {minutes} min, tests: {tests}",
)
CYCLE_CUT = Words(" (trop court)", " (too short)")
SIDE_BY_SIDE = Words(
    "La règle compare des valeurs nues ; le verdict statistique dit ce qui est prouvé. L'un ne"
    " remplace pas l'autre.",
    "The rule compares bare values; the statistical verdict says what is proved. Neither stands for"
    " the other.",
)

BESIDE = Words(
    "Règles que l'offre nomme ; elles ne changent rien au verdict :",
    "Rules that the plan names; they change nothing about the verdict:",
)
BESIDE_CAMPAIGN = Words("Autres règles que l'offre nomme :", "Other rules that the plan names:")
NOT_NAMED = Words(
    "L'offre ne nomme pas cette règle : son résultat n'engage que celui qui l'a choisie.",
    "The plan does not name this rule: its result binds only whoever chose it.",
)
MISSING = Words(" - il y manque : {rates}", " - it lacks: {rates}")
HAS_RUNS = Words(
    " : {done} mesures sur {needed} jusqu'ici, en {days} jours",
    ": {done} of {needed} runs so far, on {days} days",
)
HAS_CYCLES = Words(
    " : {done} cycles d'essais sur {needed} jusqu'ici, en {days} jours",
    ": {done} of {needed} cycles of tests so far, on {days} days",
)
HAS_DAYS = Words(" de {days} jours", " of {days} days")

BASE: Mapping[ContractBase, Words] = {
    "advertised": Words("débit annoncé", "advertised rate"),
    "max": Words("débit maximal", "maximum rate"),
    "normal": Words("débit normalement disponible", "normally available rate"),
    "min": Words("débit minimal", "minimum rate"),
    "estimated_max": Words("débit maximal estimé", "estimated maximum rate"),
    "required": Words("débit exigé", "required rate"),
    "guaranteed_min": Words("débit minimal garanti", "guaranteed minimum rate"),
}
