"""What engineers read of each fact behind a finding; words in braces are filled in by `telling`."""

from __future__ import annotations

from collections.abc import Mapping

from omega_acceptance.sentences import Words
from omega_acceptance.zone.codes import FactCode

FACT: Mapping[FactCode, Words] = {
    FactCode.NO_CARRIER: Words("pas de porteuse sur l'interface", "no carrier on the interface"),
    FactCode.NO_GATEWAY: Words("pas de passerelle par défaut", "no default gateway"),
    FactCode.GATEWAY_SILENT: Words("la passerelle ne répond à rien", "the gateway answers nothing"),
    FactCode.ANSWERS: Words("{value} réponses à {samples} paquets", "{value} answers to {samples}"),
    FactCode.UNREACHABLE_SAID: Words("annonce « inaccessible »", "says unreachable"),
    FactCode.BOX_RESOLVES: Words("la box résout des noms", "the box resolves names"),
    FactCode.LOSS_SHARE: Words(
        "perte de {value}, entre {low} et {high}, sur {samples} paquets ; limite {limit}",
        "loss of {value}, between {low} and {high}, of {samples} packets; limit {limit}",
    ),
    FactCode.LOSS_BEGINS: Words("la perte commence là : {value}", "the loss begins there: {value}"),
    FactCode.DELAY_PART: Words("ajoute {value}", "adds {value}"),
    FactCode.QUEUE_GROWS: Words("sous charge, plus {value}", "under load {value} more"),
    FactCode.RATE_SHORT: Words(
        "{about} de {value} pour {limit}", "{about} of {value} against {limit}"
    ),
    FactCode.SERVER_DEAD: Words(
        "serveur de noms sans service ({value} réponses)", "name server without service ({value})"
    ),
    FactCode.SERVER_GOOD: Words("serveur de noms en service", "name server in service"),
    FactCode.MTU_PASSED: Words("paquets de {value} : passent", "packets of {value}: pass"),
    FactCode.MTU_FAILED: Words("paquets de {value} : disparaissent", "packets of {value}: vanish"),
    FactCode.LAST_LARGE: Words(
        "dernier atteint par de grands paquets", "last reached by large ones"
    ),
    FactCode.SECTOR_ALIKE: Words(
        "{value} des {samples} autres lignes du secteur sont touchées",
        "{value} of {samples} other lines of the sector are alike",
    ),
    FactCode.OUTAGES: Words(
        "{samples} coupures, la plus longue entre {low} et {high}",
        "{samples} outages, the longest between {low} and {high}",
    ),
    FactCode.SPOILED_BY: Words("mesure gênée par {about}", "run disturbed by {about}"),
}
