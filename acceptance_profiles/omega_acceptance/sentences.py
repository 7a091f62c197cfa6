"""Every sentence and name that a judgement is told in, in French and in English.

One table a kind of code; a test holds each to its enum, so that no code is without words in either
language. Words in braces are filled in by `explain`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from omega_core.verdict import Because, Fault, Mode, Outcome, Verdict


class Words(NamedTuple):
    """One thing said in both languages."""

    fr: str
    en: str


class Advice(NamedTuple):
    """What is the matter, and who can do what about it."""

    cause: Words
    remedy: Words


VERDICT: Mapping[Verdict, Words] = {
    Verdict.PASS: Words(
        "LIGNE ACCEPTÉE : elle tient tout ce que l'offre promet et que ce mode vérifie.",
        "LINE ACCEPTED: it keeps everything that the plan promises and this mode checks.",
    ),
    Verdict.FAIL: Words(
        "LIGNE REFUSÉE : elle ne tient pas ce que l'offre promet.",
        "LINE REJECTED: it does not keep what the plan promises.",
    ),
    Verdict.INCONCLUSIVE: Words(
        "INDÉCIS : la mesure est bonne, mais elle ne suffit pas pour trancher.",
        "UNDECIDED: the measurement is good, but there is too little of it to decide.",
    ),
    Verdict.INVALID: Words(
        "MESURE NON VALABLE : elle ne dit rien de la ligne.",
        "INVALID RUN: it says nothing about the line.",
    ),
}

SCOPE: Mapping[Mode, Words] = {
    Mode.MEASURE: Words(
        "Simple mesure : rien n'est jugé.",
        "Measurement only: nothing is judged.",
    ),
    Mode.QUICK: Words(
        "Contrôle rapide : il vaut pour cet instant et ne dit rien des pertes.",
        "Quick check: it speaks for this moment and says nothing about loss.",
    ),
    Mode.STANDARD: Words(
        "Essai complet : il vaut pour la durée de la visite.",
        "Standard test: it speaks for the time of the visit.",
    ),
    Mode.CAMPAIGN: Words(
        "Campagne : elle vaut pour les jours mesurés.",
        "Campaign: it speaks for the days that were measured.",
    ),
}

NOTHING_MANDATORY = Words(
    "Aucun critère n'est obligatoire dans ce mode : choisir le mode standard.",
    "No criterion is mandatory in this mode: choose mode standard.",
)

OUTCOME: Mapping[Outcome, Words] = {
    Outcome.PASS: Words("tenu", "kept"),
    Outcome.FAIL: Words("non tenu", "not kept"),
    Outcome.INCONCLUSIVE: Words("indécis", "open"),
}
ADVISORY = Words("indicatif", "advisory")
PROMISED: Mapping[str, Words] = {
    "at_least": Words("promis au moins {limit}", "at least {limit} promised"),
    "at_most": Words("promis au plus {limit}", "at most {limit} promised"),
}
NO_VALUE = Words("sans valeur", "no value")
LOST_IS_LATE = Words(
    "un paquet perdu compte comme en retard", "a packet that is lost counts as late"
)

ERROR_AT_MOST = Words(" ; erreur d'au plus {error}", "; error at most {error}")
IN_BURSTS = Words(", par rafales de {packets}", " in bursts of {packets}")
MORE: Mapping[str, tuple[Words, Words]] = {
    "percentile": (
        Words("encore un paquet à temps suffirait", "one more packet in time would prove it"),
        Words("encore {more} paquets à temps suffiraient", "{more} more in time would prove it"),
    ),
    "share": (
        Words("encore un paquet sans perte suffirait", "one more without a loss would prove it"),
        Words(
            "encore {more} paquets sans perte suffiraient",
            "{more} more packets without a loss would prove it",
        ),
    ),
    "block": (
        Words("encore une bonne seconde suffirait", "one more good second would prove it"),
        Words("encore {more} bonnes secondes suffiraient", "{more} good seconds would prove it"),
    ),
    "mean_log": (
        Words("encore un passage semblable suffirait", "one more run like these would prove it"),
        Words("encore {more} passages semblables suffiraient", "{more} more runs would prove it"),
    ),
}
"""What would prove a criterion, by its statistic: one more of it, several."""

BECAUSE: Mapping[Because, Advice | None] = {
    Because.MET: None,
    Because.NOT_MET: Advice(
        Words("promesse non tenue", "the promise is not kept"),
        Words(
            "technicien : chercher la cause sur la ligne, puis refaire l'essai",
            "technician: look for the cause on the line, then test again",
        ),
    ),
    Because.NOT_MEASURED: Advice(
        Words("non mesuré", "not measured"),
        Words(
            "si la tâche a échoué, refaire l'essai ; sinon cette version ne le mesure pas",
            "if its task failed, test again; else this version does not measure it",
        ),
    ),
    Because.TOO_FEW_SAMPLES: Advice(
        Words("{samples} sur {needed} nécessaires", "{samples} of {needed} needed"),
        Words(
            "refaire un essai plus long : mode standard, ou une campagne",
            "take a longer test: mode standard, or a campaign",
        ),
    ),
    Because.INSIDE_GUARD_BAND: Advice(
        Words("trop près de la limite pour trancher", "too near to the limit to decide"),
        Words("prolonger la mesure ou lancer une campagne", "measure longer, or start a campaign"),
    ),
    Because.NOT_PROVABLE_IN_MODE: Advice(
        Words("ne peut pas se prouver dans ce mode", "can't be proved in this mode"),
        Words(
            "le mode standard peut en juger, ou la supervision sur plusieurs jours",
            "mode standard may judge it, or monitoring over days",
        ),
    ),
    Because.BUDGET: Advice(
        Words(
            "le budget de l'essai est épuisé (secondes ou octets)",
            "the test's budget of seconds or octets is used up",
        ),
        Words(
            "refaire l'essai ; si cela se répète, l'exploitant relève le budget du profil",
            "test again; if it happens again, the operator raises the profile's budget",
        ),
    ),
    Because.UDP_BLOCKED: Advice(
        Words("l'UDP ne passe pas, le TCP passe", "UDP gets no answer, TCP does"),
        Words(
            "technicien : ouvrir l'UDP vers le point de test dans le pare-feu ou la box",
            "technician: let UDP to the test point through the firewall or the router",
        ),
    ),
    Because.OBSERVED_TIME_TOO_SHORT: Advice(
        Words("période d'observation trop courte", "observed for too short a time"),
        Words("attendre la fin de la période d'observation", "wait for the end of the observation"),
    ),
    Because.NO_VALID_RUN: Advice(
        Words("aucun passage valable", "no valid run"),
        Words("lever la cause indiquée, puis refaire l'essai", "mend the cause named, test again"),
    ),
    Because.MIXED_ATTEMPTS: Advice(
        Words("des tentatives aboutissent, d'autres non", "some attempts succeed, some do not"),
        Words(
            "technicien : vérifier prises, câble et signal, puis refaire l'essai",
            "technician: check plugs, cable and signal, then test again",
        ),
    ),
}

FAULT: Mapping[Fault, Advice] = {
    Fault.MEDIUM_NOT_ALLOWED: Advice(
        Words(
            "la mesure passe par un support non admis (Wi-Fi, par exemple)",
            "the measurement runs over a medium that is not allowed, such as Wi-Fi",
        ),
        Words(
            "technicien : relier l'appareil par un câble Ethernet",
            "technician: attach the device by an Ethernet cable",
        ),
    ),
    Fault.NIC_RATE_BELOW_PLAN: Advice(
        Words(
            "la carte réseau est plus lente que l'offre",
            "the network interface is slower than the plan",
        ),
        Words(
            "technicien : changer de câble, de port ou d'appareil",
            "technician: use another cable, port or device",
        ),
    ),
    Fault.CROSS_TRAFFIC: Advice(
        Words(
            "un autre trafic occupait la ligne pendant la mesure",
            "other traffic used the line during the measurement",
        ),
        Words(
            "technicien, avec le client : arrêter les autres usages, puis refaire l'essai",
            "technician, with the customer: stop the other uses, then test again",
        ),
    ),
    Fault.TUNNEL: Advice(
        Words(
            "la route vers le point de test passe par un tunnel (VPN)",
            "the route to the test point goes through a tunnel (VPN)",
        ),
        Words("technicien : fermer le VPN", "technician: close the VPN"),
    ),
    Fault.CPU_LIMITED: Advice(
        Words("l'appareil de mesure était surchargé", "the measuring device was overloaded"),
        Words(
            "technicien : fermer les autres programmes ou prendre un autre appareil",
            "technician: close other programs or take another device",
        ),
    ),
    Fault.HOST_DROPS: Advice(
        Words(
            "l'appareil de mesure a perdu lui-même des paquets",
            "the measuring device itself dropped packets",
        ),
        Words(
            "technicien : prendre un autre appareil, ou agrandir ses tampons de réception",
            "technician: take another device, or enlarge its receive buffers",
        ),
    ),
    Fault.CLOCK_STEP: Advice(
        Words(
            "l'horloge de l'appareil a sauté pendant la mesure",
            "the device's clock jumped during the measurement",
        ),
        Words(
            "technicien : attendre la mise à l'heure, puis refaire l'essai",
            "technician: wait until the clock is set, then test again",
        ),
    ),
    Fault.PATH_CHANGED: Advice(
        Words(
            "l'adresse ou la route a changé pendant la mesure",
            "the address or the route changed during the measurement",
        ),
        Words(
            "technicien : refaire l'essai ; si cela se répète, appeler l'exploitant",
            "technician: test again; if it happens again, call the operator",
        ),
    ),
    Fault.TEST_POINT_SATURATED: Advice(
        Words("le point de test était surchargé", "the test point was overloaded"),
        Words(
            "exploitant : décharger le point de test ; technicien : réessayer plus tard",
            "operator: relieve the test point; technician: try again later",
        ),
    ),
    Fault.OBSERVERS_DISAGREE: Advice(
        Words(
            "les comptes de la sonde et du point de test ne concordent pas",
            "the counts of probe and test point do not agree",
        ),
        Words(
            "refaire l'essai ; si cela se répète, exploitant : vérifier les versions",
            "test again; if it happens again, operator: check the versions",
        ),
    ),
    Fault.GRANT_EXPIRED: Advice(
        Words(
            "l'autorisation de mesure a expiré avant la fin",
            "the grant expired before the measurement ended",
        ),
        Words("technicien : relancer l'essai", "technician: start the test again"),
    ),
    Fault.CONTRACT_UNKNOWN: Advice(
        Words("le contrat de la ligne n'est pas connu", "the contract of the line is not known"),
        Words(
            "exploitant : activer l'offre du client, puis refaire l'essai",
            "operator: activate the customer's plan, then test again",
        ),
    ),
    Fault.FLOW_FAILED: Advice(
        Words("un flux TCP de la mesure a été coupé", "a TCP flow of the measurement was cut"),
        Words(
            "technicien : refaire l'essai ; si cela se répète, chercher un pare-feu qui coupe",
            "technician: test again; if it happens again, look for a firewall that cuts flows",
        ),
    ),
}

_DOWN = Words(" descendant", " down")
_UP = Words(" montant", " up")


def _both_ways(quantity: str, words: Words, *, feminine: bool = False) -> dict[str, Words]:
    """Return the names of a metric that exists in each direction, under its public names."""
    ending = "e" if feminine else ""
    return {
        f"{quantity}_{way}": Words(f"{words.fr}{end.fr}{ending}", f"{words.en}{end.en}")
        for way, end in (("down", _DOWN), ("up", _UP))
    }


def _under_load(statistic: str, words: Words) -> dict[str, Words]:
    """Return the names of the working round trip: the line is loaded in the direction named."""
    name = f"working_rtt_us_{statistic}"
    loaded = {
        "down": Words("sous charge descendante", "under load down"),
        "up": Words("sous charge montante", "under load up"),
    }
    return {
        f"{name}_{way}": Words(
            f"aller-retour {load.fr}, {words.fr}", f"round trip {load.en}, {words.en}"
        )
        for way, load in loaded.items()
    }


METRIC: Mapping[str, Words] = {
    "reachable_ppm": Words("point de test joignable", "test point reachable"),
    "idle_rtt_us_min": Words("aller-retour au repos, minimum", "idle round trip, smallest"),
    "idle_rtt_us_p50": Words("aller-retour au repos, p50", "idle round trip, p50"),
    "idle_rtt_us_p95": Words("aller-retour au repos, p95", "idle round trip, p95"),
    "idle_pdv_us_p95": Words(
        "variation de l'aller-retour au repos (PDV), p95", "idle round-trip variation (PDV), p95"
    ),
    "idle_ipdv_us_mean": Words(
        "variation entre paquets voisins (IPDV), moyenne",
        "variation between neighbouring packets (IPDV), mean",
    ),
    **_both_ways("loss_ppm", Words("perte de paquets", "packet loss"), feminine=True),
    **_both_ways("reordered_ppm", Words("déséquencement", "reordering")),
    **_both_ways("goodput_bps", Words("débit utile TCP", "TCP goodput")),
    **_both_ways("capacity_bps", Words("débit IP maximal", "IP capacity")),
    **_both_ways("qualified_bps", Words("débit IP vendu tenu,", "sold IP rate carried")),
    **_both_ways("over_rate_bps", Words("débit au-delà de l'offre", "rate beyond the plan")),
    **_under_load("p50", Words("p50", "p50")),
    **_under_load("p95", Words("p95", "p95")),
    **_both_ways(
        "responsiveness_rpm",
        Words("réactivité sous trafic", "responsiveness under load"),
    ),
    **_both_ways("tcp_efficiency_ppm", Words("rendement TCP", "TCP efficiency")),
    **_both_ways("buffer_delay_ppm", Words("délai de file d'attente", "buffer delay")),
    "availability_ppm": Words("disponibilité", "availability"),
    "radio_cinr_db": Words("rapport signal à bruit (CINR)", "signal to noise (CINR)"),
    **_both_ways("dsl_sync_bps", Words("débit de synchronisation DSL", "DSL synchronisation rate")),
}

STATISTIC: Mapping[str, Words] = {
    "share_of_runs": Words(", la plupart du temps", ", most of the time"),
}
"""What follows the name of a metric where a criterion does not read its one value."""

SAMPLES: Mapping[str, tuple[Words, Words]] = {
    "reachable": (Words("tentative", "attempt"), Words("tentatives", "attempts")),
    "idle": (Words("paquet", "packet"), Words("paquets", "packets")),
    "loss": (Words("paquet", "packet"), Words("paquets", "packets")),
    "goodput": (Words("passage", "run"), Words("passages", "runs")),
    "qualified": (Words("fenêtre", "window"), Words("fenêtres", "windows")),
}
"""What a sample is made of, by the first word of the metric's name: one of them, several."""

SAMPLES_ELSE = (Words("mesure", "sample"), Words("mesures", "samples"))
