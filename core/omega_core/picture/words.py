"""What stands in a picture, in French and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from omega_core.picture.series import Kind

Language: TypeAlias = Literal["fr", "en"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The texts of one language; `names` says what each line is of."""

    title: str
    about: str
    rate: str
    delay: str
    time: str
    nothing: str
    names: Mapping[Kind, str]


_ENGLISH: Final = Words(
    title="A session: rate and delay",
    about="Rate and round trip over the time of one session.",
    rate="Received, Mbit/s",
    delay="Round trip, ms",
    time="Time since the session began, s",
    nothing="Nothing was measured over time.",
    names=MappingProxyType(
        {
            Kind.RATE_DOWN: "TCP down",
            Kind.RATE_UP: "TCP up",
            Kind.LOAD_DOWN: "UDP down",
            Kind.LOAD_UP: "UDP up",
            Kind.IDLE: "quiet line",
            Kind.WORKING_DOWN: "under load down",
            Kind.WORKING_UP: "under load up",
        }
    ),
)
_FRENCH: Final = Words(
    title="Une session : débit et délai",
    about="Débit et aller-retour au cours d'une session.",
    rate="Débit reçu, Mbit/s",
    delay="Aller-retour, ms",
    time="Temps depuis le début de la session, s",
    nothing="Rien n'a été mesuré au cours du temps.",
    names=MappingProxyType(
        {
            Kind.RATE_DOWN: "TCP descendant",
            Kind.RATE_UP: "TCP montant",
            Kind.LOAD_DOWN: "UDP descendant",
            Kind.LOAD_UP: "UDP montant",
            Kind.IDLE: "ligne au repos",
            Kind.WORKING_DOWN: "en charge descendante",
            Kind.WORKING_UP: "en charge montante",
        }
    ),
)


def words_in(language: Language) -> Words:
    """Return the texts of a language."""
    return _FRENCH if language == "fr" else _ENGLISH
