"""What TMF621 v5 `TroubleTicket` and TMF653 v4 `ServiceTest` look like, as far as we write them.

Written by us after the interfaces' descriptions: names, kinds and what must be there. They are
stricter than those, because a field that we misspell would be an extension there, and allowed.
"""

from __future__ import annotations

from support.json_schema import Schema

_TEXT: Schema = {"type": "string"}
_MOMENT: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"}
_STATUS: Schema = {
    "enum": [
        "acknowledged", "rejected", "pending", "held", "inProgress", "cancelled", "closed",
        "resolved",
    ]
}  # fmt: skip


def _object(properties: Schema, *optional: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _of(kind: str, properties: Schema, *optional: str) -> Schema:
    return _object({"@type": {"const": kind}, **properties}, *optional)


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_ENTITY = _of("EntityRef", {"id": _TEXT, "href": _TEXT, "@referredType": _TEXT}, "href")
TROUBLE_TICKET = _of(
    "TroubleTicket",
    {
        "id": _TEXT,
        "href": _TEXT,
        "description": _TEXT,
        "severity": _TEXT,
        "ticketType": _TEXT,
        "priority": _TEXT,
        "creationDate": _MOMENT,
        "lastUpdate": _MOMENT,
        "status": _STATUS,
        "statusChangeDate": _MOMENT,
        "statusChangeReason": _TEXT,
        "statusChangeHistory": _list(
            _of(
                "StatusChange",
                {"status": _STATUS, "statusChangeDate": _MOMENT, "statusChangeReason": _TEXT},
            )
        ),
        "note": _list(_of("Note", {"id": _TEXT, "author": _TEXT, "date": _MOMENT, "text": _TEXT})),
        "relatedEntity": _list(_of("RelatedEntity", {"role": _TEXT, "entity": _ENTITY})),
        "troubleTicketCharacteristic": _list(
            _of(
                "StringCharacteristic",
                {"name": _TEXT, "valueType": {"const": "string"}, "value": _TEXT},
            )
        ),
        "troubleTicketRelationship": _list(
            _of(
                "TroubleTicketRelationship",
                {"id": _TEXT, "href": _TEXT, "relationshipType": _TEXT},
            )
        ),
        "externalIdentifier": _list(
            _of(
                "ExternalIdentifier",
                {"id": _TEXT, "owner": _TEXT, "externalIdentifierType": _TEXT},
                "owner",
                "externalIdentifierType",
            )
        ),
        "expectedResolutionDate": _MOMENT,
        "resolutionDate": _MOMENT,
    },
    "expectedResolutionDate",
    "resolutionDate",
)

_WHOLE: Schema = {"type": "integer"}
_VIOLATION = _of(
    "MeasureThresholdRuleViolation",
    {
        "name": _TEXT,
        "description": _TEXT,
        "numberOfAllowedCrossing": _WHOLE,
        "thresholdRuleSeverity": {"enum": ["high", "low"]},
        "conformanceTargetLower": _TEXT,
        "conformanceTargetUpper": _TEXT,
        "conformanceComparatorLower": {"const": "<"},
        "conformanceComparatorUpper": {"const": ">"},
        "appliedConsequence": _list(
            _of(
                "AppliedConsequence",
                {
                    "name": _TEXT,
                    "appliedAction": {"enum": ["open-ticket", "remeasure"]},
                    "repeatAction": {"type": "boolean"},
                },
            )
        ),
    },
    "conformanceTargetLower",
    "conformanceTargetUpper",
    "conformanceComparatorLower",
    "conformanceComparatorUpper",
)
_NUMBER = _object(
    {
        "name": _TEXT,
        "valueType": {"const": "integer"},
        "value": {"anyOf": [_WHOLE, {"type": "null"}]},
    }
)
_TEXTS = {"anyOf": [_TEXT, _list(_TEXT)]}
SERVICE_TEST = _of(
    "OmegaServiceTest",
    {
        "@baseType": {"const": "ServiceTest"},
        "id": _TEXT,
        "href": _TEXT,
        "name": _TEXT,
        "description": _TEXT,
        "mode": {"enum": ["PROACTIVE", "ONDEMAND"]},
        "state": {"enum": ["completed", "failed"]},
        "startDateTime": _MOMENT,
        "endDateTime": _MOMENT,
        "relatedService": _of("ServiceRef", {"id": _TEXT, "@referredType": _TEXT}),
        "relatedParty": _list(_object({"id": _TEXT, "role": _TEXT, "@referredType": _TEXT})),
        "characteristic": _list(_object({"name": _TEXT, "valueType": _TEXT, "value": _TEXTS})),
        "testMeasure": _list(
            _of(
                "OmegaTestMeasure",
                {
                    "@baseType": {"const": "TestMeasure"},
                    "metricName": _TEXT,
                    "metricDescription": _TEXT,
                    "unitOfMeasure": _TEXT,
                    "captureMethod": _TEXT,
                    "captureDateTime": _MOMENT,
                    "value": _NUMBER,
                    "accuracy": _WHOLE,
                    "ruleViolation": _list(_VIOLATION),
                    "samples": _WHOLE,
                    "samplesNeeded": _WHOLE,
                    "mandatory": {"type": "boolean"},
                    "because": _TEXT,
                },
                "accuracy",
            )
        ),
        "testSpecification": _of(
            "ServiceTestSpecificationRef",
            {"id": _TEXT, "version": _TEXT, "@referredType": _TEXT},
        ),
    },
    "testSpecification",
)
