"""The page of an escalation package that a person reads first, in English or French.

Made from the package's own JSON, so it can't say more than the package does: what is withheld from
a level is not in its index either. One file without scripts, styles from elsewhere, or pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from types import MappingProxyType
from typing import Any

from omega_core.units import US_PER_S

_EN: Mapping[str, str] = MappingProxyType(
    {
        "title": "Escalation package of ticket",
        "state": "State",
        "level": "Level",
        "priority": "Priority",
        "zone": "Zone of the fault",
        "question": "Question to this level",
        "description": "What the customer says",
        "timeline": "What has happened (UTC)",
        "how": "How to check it",
        "check": "manifest.json lists every file with its SHA-256 and is signed by the server. "
        "Each file in records/ and baseline/ is checked with: omega verify FILE",
        "check_short": "manifest.json lists every file with its SHA-256 and is signed by the "
        "server. Names, references and free text were left out.",
        "none": "not recorded",
        "Z0": "between the device and the box",
        "Z1": "at the box",
        "Z2": "on the access link",
        "Z3": "inside the operator's network",
        "Z4": "past the operator's network",
        "zone_none": "no fault found",
        "unknown": "unknown",
        "opened": "opened",
        "record": "a record was posted",
        "diagnosis": "the line was to be measured from afar",
        "connected": "linked with the operator's ticket system",
        "delivered": "a record was delivered to the operator's ticket system",
        "delivery_stopped": "a record could not be delivered to the operator's ticket system",
        "owned": "an owner was named",
        "eta": "time of repair estimated",
        "eta_told": "estimate told to the customer",
        "started": "localising has begun",
        "criticality": "criticality was set",
        "waiting": "waiting",
        "resumed": "going on",
        "note": "note",
        "dispatched": "somebody was sent",
        "arrived": "on site",
        "contacted": "customer contacted",
        "escalated": "raised to a higher level",
        "returned": "given back",
        "linked": "linked with another ticket",
        "resolved": "mended",
        "fault_returned": "the fault came back",
        "consent": "the customer's answer",
        "waiver": "measurement waived",
        "closed": "closed",
        "cancelled": "withdrawn by the customer",
        "rejected": "not for this operator",
    }
)
_FR: Mapping[str, str] = MappingProxyType(
    {
        "title": "Dossier d'escalade du ticket",
        "state": "État",
        "level": "Niveau",
        "priority": "Priorité",
        "zone": "Zone du défaut",
        "question": "Question posée à ce niveau",
        "description": "Ce que dit le client",
        "timeline": "Ce qui s'est passé (UTC)",
        "how": "Comment le vérifier",
        "check": "manifest.json énumère chaque fichier avec son SHA-256 et est signé par le "
        "serveur. Tout fichier de records/ et de baseline/ se vérifie avec : omega verify FICHIER",
        "check_short": "manifest.json énumère chaque fichier avec son SHA-256 et est signé par le "
        "serveur. Noms, références et textes libres ont été retirés.",
        "none": "non consignée",
        "Z0": "entre l'appareil et la box",
        "Z1": "sur la box",
        "Z2": "sur la ligne d'accès",
        "Z3": "dans le réseau de l'opérateur",
        "Z4": "au-delà du réseau de l'opérateur",
        "zone_none": "aucun défaut trouvé",
        "unknown": "inconnue",
        "opened": "ouvert",
        "record": "un relevé de mesure est arrivé",
        "diagnosis": "la ligne devait être mesurée à distance",
        "connected": "lié au système de tickets de l'opérateur",
        "delivered": "un relevé est arrivé dans le système de tickets de l'opérateur",
        "delivery_stopped": "un relevé n'a pu être remis au système de tickets de l'opérateur",
        "owned": "un responsable a été nommé",
        "eta": "délai de rétablissement estimé",
        "eta_told": "délai annoncé au client",
        "started": "la localisation a commencé",
        "criticality": "criticité fixée",
        "waiting": "en attente",
        "resumed": "reprise",
        "note": "note",
        "dispatched": "un technicien est envoyé",
        "arrived": "sur place",
        "contacted": "contact avec le client",
        "escalated": "transmis au niveau supérieur",
        "returned": "rendu au niveau inférieur",
        "linked": "lié à un autre ticket",
        "resolved": "réparé",
        "fault_returned": "le défaut est revenu",
        "consent": "réponse du client",
        "waiver": "dispense de mesure",
        "closed": "clos",
        "cancelled": "retiré par le client",
        "rejected": "n'est pas du ressort de l'opérateur",
    }
)
WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType({"en": _EN, "fr": _FR})
_TOLD = (
    "reason", "text", "remedy", "event", "owner", "party", "person", "to", "question", "zone",
    "criticality", "verdict", "mode", "digest", "level", "channel", "agrees", "reached",
)  # fmt: skip


def index_page(language: str, ticket: Mapping[str, Any], log: Sequence[Mapping[str, Any]]) -> str:
    """Return the page of a package with this ticket and this log."""
    words = WORDS[language]
    return "\n".join(_page(language, words, ticket, log)) + "\n"


def _page(
    language: str,
    words: Mapping[str, str],
    ticket: Mapping[str, Any],
    log: Sequence[Mapping[str, Any]],
) -> Iterator[str]:
    title = escape(f"{words['title']} {ticket['ticket_id']}")
    yield f'<!DOCTYPE html>\n<html lang="{language}">\n<head><meta charset="utf-8">'
    yield f"<title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<table>"
    for name, value in _facts(words, ticket):
        yield f"<tr><th>{escape(words[name])}</th><td>{escape(value)}</td></tr>"
    yield f"</table>\n<h2>{escape(words['timeline'])}</h2>\n<table>"
    for entry in log:
        yield _row(words, entry)
    hint = "check" if "description" in ticket else "check_short"
    yield f"</table>\n<h2>{escape(words['how'])}</h2>\n<p>{escape(words[hint])}</p>"
    yield "</body>\n</html>"


def _facts(words: Mapping[str, str], ticket: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "state", str(ticket["state"])
    yield "level", str(ticket["level"])
    yield "priority", str(ticket["priority"]["priority"])
    yield "zone", _zone(words, ticket["zone"])
    if ticket.get("question"):
        yield "question", str(ticket["question"])
    if "description" in ticket:
        yield "description", str(ticket["description"])


def _zone(words: Mapping[str, str], zone: Mapping[str, Any] | None) -> str:
    if zone is None:
        return words["none"]
    code = str(zone["zone"])
    return f"{code}: {words['zone_none' if code == 'none' else code]}"


def _row(words: Mapping[str, str], entry: Mapping[str, Any]) -> str:
    at = datetime.fromtimestamp(entry["at_unix_us"] // US_PER_S, tz=UTC)
    actor = entry.get("actor") or {}
    told = [str(entry[name]) for name in _TOLD if entry.get(name) not in {None, ""}]
    cells = (
        at.strftime("%Y-%m-%d %H:%M:%S"),
        words[entry["kind"]],
        str(actor.get("name", "")),
        "; ".join(told),
    )
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
