"""What people read of a zone finding, in French and in English; one table a kind of code.

Words locate and never blame. Customers read no address and no abbreviation; clerks read what to
say and to do; engineers read what was seen. Words in braces are filled in by `telling`.
"""

from __future__ import annotations

from collections.abc import Mapping

from omega_acceptance.sentences import Words
from omega_acceptance.zone.codes import (
    Advice,
    Condition,
    Confidence,
    Criticality,
    NextStep,
    Point,
    Reason,
    Scope,
    Symptom,
    Zone,
)
from omega_core.metrics import Direction

CUSTOMER_ZONE: Mapping[Zone, Words] = {
    Zone.LAN: Words(
        "Le défaut se situe entre votre appareil et la box ; plus loin, rien ne le montre.",
        "The fault lies between your device and the box; nothing shows it farther on.",
    ),
    Zone.CPE: Words(
        "Votre appareil atteint la box ; le défaut se situe à la box elle-même.",
        "Your device reaches the box; the fault lies at the box itself.",
    ),
    Zone.ACCESS: Words(
        "Chez vous, tout va bien jusqu'à la box ; le défaut se situe sur la ligne, après elle.",
        "All is well at home, up to the box; the fault lies on the line behind it.",
    ),
    Zone.CORE: Words(
        "Votre installation et votre ligne fonctionnent ; le défaut se situe dans le réseau"
        " d'Omega.",
        "Your home and your line work; the fault lies inside Omega's network.",
    ),
    Zone.BEYOND: Words(
        "Votre ligne fonctionne jusqu'au bout ; le défaut se situe plus loin sur Internet.",
        "Your line works to its end; the fault lies farther away on the Internet.",
    ),
    Zone.NONE: Words(
        "La mesure n'a trouvé aucun défaut en ce moment.",
        "The measurement has found no fault at this moment.",
    ),
    Zone.UNKNOWN: Words(
        "La mesure ne permet pas encore de dire où se situe le défaut.",
        "The measurement can't tell yet where the fault lies.",
    ),
}

CLERK_ZONE: Mapping[Zone, Words] = {
    Zone.LAN: Words(
        "Zone Z0 : réseau du client (câble ou Wi-Fi), entre l'appareil et la box.",
        "Zone Z0: the customer's network (cable or Wi-Fi), between device and box.",
    ),
    Zone.CPE: Words(
        "Zone Z1 : la box. Le réseau du client l'atteint.",
        "Zone Z1: the box. The customer's network reaches it.",
    ),
    Zone.ACCESS: Words(
        "Zone Z2 : lien d'accès, isolé après la box.",
        "Zone Z2: access link, isolated past the box.",
    ),
    Zone.CORE: Words(
        "Zone Z3 : réseau d'Omega, entre le premier routeur et le point de test.",
        "Zone Z3: Omega's network, between the first router and the test point.",
    ),
    Zone.BEYOND: Words(
        "Zone Z4 : au-delà du réseau d'Omega ; la ligne n'est pas en cause.",
        "Zone Z4: past Omega's network; not on the line.",
    ),
    Zone.NONE: Words(
        "Aucun défaut trouvé dans cette mesure.", "No fault found in this measurement."
    ),
    Zone.UNKNOWN: Words("Zone inconnue.", "Zone unknown."),
}

SYMPTOM: Mapping[Symptom, Words] = {
    Symptom.LINK_DOWN: Words("Au-delà de ce point, plus rien ne répond.", "Nothing answers there."),
    Symptom.NOT_FORWARDING: Words(
        "La box répond, mais ne laisse rien passer.", "The box answers, but lets nothing through."
    ),
    Symptom.TEST_POINT_SILENT: Words(
        "Le serveur de mesure ne répond pas ; Internet, lui, répond.",
        "The test server does not answer; the Internet does.",
    ),
    Symptom.LOSS: Words("Des paquets s'y perdent.", "Packets are lost there."),
    Symptom.ONE_WAY: Words(
        "Presque plus rien ne passe dans un sens.", "Hardly anything passes in one direction."
    ),
    Symptom.DELAY: Words("Les réponses y sont ralenties.", "Answers are slowed down there."),
    Symptom.RATE: Words(
        "Le débit y reste en dessous de l'offre.", "The rate there stays below the plan."
    ),
    Symptom.NAMES: Words(
        "Les noms de sites n'y sont plus traduits en adresses.",
        "Names of sites are no longer turned into addresses there.",
    ),
    Symptom.MTU_HOLE: Words(
        "Les grands paquets y disparaissent, les petits passent.",
        "Large packets vanish there, small ones pass.",
    ),
    Symptom.PORTAL: Words(
        "Une page de connexion s'interpose.", "A sign-in page stands in the way."
    ),
    Symptom.FAILED: Words(
        "L'offre n'est pas tenue, et la cause ne se voit pas d'ici.",
        "The plan is not kept, and the cause can't be seen from here.",
    ),
    Symptom.SPOILED: Words(
        "Autre chose a gêné la mesure : elle ne dit rien de la ligne.",
        "Something else disturbed the measurement: it says nothing about the line.",
    ),
    Symptom.NOT_SEEN: Words(
        "Il y a eu trop peu à observer.", "There was too little to be observed."
    ),
}
SYMPTOM_UNPLACED: Mapping[Symptom, Words] = {
    Symptom.LINK_DOWN: Words("La liaison est coupée.", "The connection is cut."),
    Symptom.LOSS: Words("Des paquets se perdent en route.", "Packets are lost on the way."),
    Symptom.DELAY: Words("Les réponses sont ralenties.", "Answers are slowed down."),
    Symptom.RATE: Words("Le débit reste en dessous de l'offre.", "The rate stays below the plan."),
    Symptom.NAMES: Words(
        "Les noms de sites ne sont plus traduits en adresses.",
        "Names of sites are no longer turned into addresses.",
    ),
    Symptom.MTU_HOLE: Words(
        "Les grands paquets disparaissent en route, les petits passent.",
        "Large packets vanish on the way, small ones pass.",
    ),
}
"""The same where no place is named; a symptom that is missing here is told as above."""

LAST_GOOD = Words("Bon jusqu'ici : {point}.", "Good up to here: {point}.")
SUSPECT = Words(
    "Le plus souvent, c'est là : {zone}. À confirmer.",
    "Most often it is there: {zone}. To confirm.",
)
ZONE_NAME: Mapping[Zone, Words] = {
    Zone.LAN: Words("le réseau du client (Z0)", "the customer's network (Z0)"),
    Zone.CPE: Words("la box (Z1)", "the box (Z1)"),
    Zone.ACCESS: Words("le lien d'accès (Z2)", "the access link (Z2)"),
    Zone.CORE: Words("le réseau d'Omega (Z3)", "Omega's network (Z3)"),
    Zone.BEYOND: Words("au-delà du réseau d'Omega (Z4)", "past Omega's network (Z4)"),
    Zone.NONE: Words("aucune", "none"),
    Zone.UNKNOWN: Words("plusieurs parties", "several parts"),
}
POINT: Mapping[Point, Words] = {
    Point.DEVICE: Words("l'appareil du client", "the customer's device"),
    Point.GATEWAY: Words("la box", "the box"),
    Point.OPERATOR_HOP: Words("le premier routeur d'Omega", "Omega's first router"),
    Point.TEST_POINT: Words("le point de test", "the test point"),
    Point.REFERENCE: Words("les références sur Internet", "the references on the Internet"),
}
SCOPE: Mapping[Scope, Words] = {
    Scope.LINE: Words(
        "Les autres lignes du secteur vont bien : cette ligne seule est touchée.",
        "The other lines of the sector are good: this line alone is hit.",
    ),
    Scope.SECTOR: Words(
        "D'autres lignes du secteur montrent la même chose : c'est le secteur.",
        "Other lines of the sector show the same: it is the sector.",
    ),
}
CONFIDENCE: Mapping[Confidence, Words] = {
    Confidence.CERTAIN: Words(
        "Certain : faux au plus une fois sur 100", "Certain: wrong once in 100 at most"
    ),
    Confidence.LIKELY: Words(
        "Probable : faux au plus une fois sur 20", "Likely: wrong once in 20 at most"
    ),
    Confidence.PRESUMED: Words(
        "Présumé : faux au plus une fois sur 4", "Presumed: wrong once in 4 at most"
    ),
    Confidence.OPEN: Words("Rien n'est affirmé", "Nothing is claimed"),
}
REASON: Mapping[Reason, Words] = {
    Reason.HOST_SAYS: Words("l'appareil lui-même le dit", "the device itself says so"),
    Reason.HOP_SAYS: Words("un équipement du trajet le dit", "an equipment on the way says so"),
    Reason.SILENT_BEYOND: Words(
        "rien ne répond après le dernier point bon", "nothing answers behind the last good point"
    ),
    Reason.SERVER_SAYS: Words("les serveurs de noms le montrent", "the name servers show it"),
    Reason.COUNTS: Words("les comptes de paquets le montrent", "the counts of packets show it"),
    Reason.GROWTH: Words("le délai croît à cet endroit", "the delay grows there"),
    Reason.QUEUE: Words(
        "sous charge, l'attente se forme à cet endroit", "under load the queue forms there"
    ),
    Reason.USUAL: Words(
        "cela ne se voit pas d'ici, mais c'est presque toujours là",
        "it can't be seen from here, and is nearly always there",
    ),
    Reason.NEIGHBOURS: Words(
        "les lignes voisines écartent le reste", "the neighbouring lines rule out the rest"
    ),
    Reason.FEW_SAMPLES: Words("trop peu de paquets", "too few packets"),
    Reason.NOT_OBSERVED: Words(
        "une partie nécessaire n'a pas été observée", "a part that is needed was not observed"
    ),
    Reason.CONFLICT: Words(
        "les observations se contredisent", "the observations contradict each other"
    ),
    Reason.ALL_GOOD: Words("tout ce qui a été vu est bon", "all that was seen is good"),
    Reason.RUN_SPOILED: Words("la mesure a été gênée", "the measurement was disturbed"),
}
CRITICALITY: Mapping[Criticality, Words] = {
    Criticality.BLOCKING: Words("Bloquant", "Blocking"),
    Criticality.DEGRADED: Words("Dégradé", "Degraded"),
    Criticality.MINOR: Words("Mineur", "Minor"),
    Criticality.NO_FAULT: Words("Sans défaut", "No fault"),
}
CONDITION: Mapping[Condition, Words] = {
    Condition.CGNAT: Words(
        "adresse partagée chez l'opérateur (CGNAT)", "address shared at the operator (CGNAT)"
    ),
    Condition.DOUBLE_NAT: Words(
        "deux box l'une derrière l'autre (double NAT)", "two boxes in a row (double NAT)"
    ),
    Condition.TUNNEL: Words("tunnel (VPN) sur le trajet", "tunnel (VPN) on the way"),
    Condition.PORTAL: Words("portail de connexion", "sign-in portal"),
    Condition.WIFI: Words("appareil en Wi-Fi", "device on Wi-Fi"),
    Condition.NO_IPV6: Words("pas d'IPv6", "no IPv6"),
    Condition.SOME_NAMES_DEAD: Words(
        "un serveur de noms sur plusieurs ne répond pas", "one of several name servers is dead"
    ),
    Condition.HOP_LIMITS_ANSWERS: Words(
        "un routeur limite ses réponses, sans perte au-delà",
        "a router limits its answers, with no loss past it",
    ),
    Condition.OUTAGES_LATELY: Words(
        "coupures au cours du dernier jour", "outages during the last day"
    ),
}
DIRECTION: Mapping[Direction, Words] = {
    Direction.DOWN: Words("sens descendant", "down"),
    Direction.UP: Words("sens montant", "up"),
}
ADVICE: Mapping[Advice, Words] = {
    Advice.USE_CABLE: Words(
        "Branchez l'appareil à la box par un câble.", "Connect the device to the box by a cable."
    ),
    Advice.CHECK_CABLES: Words(
        "Vérifiez le câble entre l'appareil et la box, aux deux bouts.",
        "Check the cable between the device and the box, at both ends.",
    ),
    Advice.MOVE_CLOSER: Words("Rapprochez-vous de la box.", "Move closer to the box."),
    Advice.RESTART_DEVICE: Words("Redémarrez l'appareil.", "Restart the device."),
    Advice.RESTART_BOX: Words(
        "Redémarrez la box une fois, sans la réinitialiser.",
        "Restart the box once, without resetting it.",
    ),
    Advice.TELL_LAMPS: Words(
        "Dites-nous quels voyants de la box sont allumés.",
        "Tell us which lamps of the box are lit.",
    ),
    Advice.STOP_TRAFFIC: Words(
        "Arrêtez les téléchargements et les vidéos pendant la mesure.",
        "Stop downloads and videos during the measurement.",
    ),
    Advice.CLOSE_TUNNEL: Words(
        "Fermez le VPN pendant la mesure.", "Close the VPN during the measurement."
    ),
    Advice.OTHER_DEVICE: Words("Essayez avec un autre appareil.", "Try another device."),
    Advice.SIGN_IN: Words(
        "Ouvrez un navigateur et connectez-vous sur la page qui s'affiche.",
        "Open a browser and sign in on the page that appears.",
    ),
    Advice.NOTHING_AT_HOME: Words(
        "Vous n'avez rien à faire chez vous : nous nous en occupons.",
        "There is nothing to do at home: we take care of it.",
    ),
    Advice.LEAVE_PROBE: Words(
        "Laissez la sonde branchée : nous mesurons encore.",
        "Leave the probe connected: we measure again.",
    ),
    Advice.LINE_IS_GOOD: Words(
        "Votre ligne donne ce que prévoit le contrat, pour ce qui a été mesuré.",
        "Your line gives what the contract says, as far as it was measured.",
    ),
}
NEXT_STEP: Mapping[NextStep, Words] = {
    NextStep.SELF_HELP: Words(
        "guider le client avec les conseils", "guide the customer through the advice"
    ),
    NextStep.TEST_AGAIN: Words("refaire une mesure pour confirmer", "measure once more to confirm"),
    NextStep.SWAP_BOX: Words("si cela persiste, échanger la box", "if it persists, swap the box"),
    NextStep.DISPATCH: Words("envoyer un technicien (niveau 2)", "send a technician (level 2)"),
    NextStep.JOIN_SECTOR: Words(
        "rattacher au ticket du secteur, ou l'ouvrir", "join the sector's ticket, or open it"
    ),
    NextStep.ESCALATE_L3: Words("transmettre au niveau 3", "raise to level 3"),
    NextStep.INFORM: Words(
        "informer le client : ce qui est touché, et depuis quand",
        "inform the customer: what is affected, and since when",
    ),
    NextStep.MEND_TEST_POINT: Words(
        "exploitant : rétablir le point de test", "operator: restore the test point"
    ),
    NextStep.FOLLOW_UP: Words("laisser la sonde suivre la ligne", "let the probe watch the line"),
    NextStep.OFFER_CLOSING: Words(
        "proposer la clôture, ou un essai sur l'appareil concerné",
        "propose closing, or a test on the device concerned",
    ),
}
