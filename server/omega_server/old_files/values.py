"""One text and one field: the value in the form that is kept, or why there is none.

    Read(value)         it can be read in one way, and is plausible
    Read(value, code)   it is doubtful: the value is taken once a person says so
    Read(None, code)    it has to be mended, or a decision is missing
    None                nothing stands there; `BLANK` is what people write for nothing

The form that is kept is the one that exports write, and reading it gives it again: numbers in the
field's unit with a decimal point, days as ISO dates, hardware addresses in lower case with colons.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType

from omega_core.limits import (
    OLD_FILE_PHOTOS_MAX,
    OLD_FILE_REFERENCE_CHARS_MAX,
    OLD_FILE_TEXT_CHARS_MAX,
)
from omega_server.old_files.asked import Asked, Code, Read
from omega_server.old_files.dates import read_date
from omega_server.old_files.grids import Typed
from omega_server.old_files.numbers import read_number
from omega_server.old_files.vocabulary import Field, Kind, folded

BLANK = frozenset({"-", "--", "\u2013", "\u2014", "/", "?", "n/a", "néant"})
"""What people write where there is nothing to write."""

_SPREADSHEET_ERROR = re.compile(r"#(REF!|N/A|DIV/0!|VALUE!|NAME\?|NULL!|NUM!|#+)")
_INVISIBLE = str.maketrans(dict.fromkeys("\u200b\u200c\u200d\ufeff\u00ad"))
_ROUNDED = re.compile(r"[0-9][.,]?[0-9]*E\+?[0-9]{1,3}", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_HEX = re.compile(r"[0-9a-f]{12}")
_MAC_FORMS = re.compile(
    r"[0-9a-f]{12}|[0-9a-f]{2}([:\- ][0-9a-f]{2}){5}|[0-9a-f]{4}([.:\-][0-9a-f]{4}){2}"
)
_EMAIL = re.compile(r"[^\s@<>,;\"']{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}")
_PHONE = re.compile(r"\+?[0-9][0-9 ./()-]*")
_PHONE_DIGITS = range(6, 16)  # a short local number; what E.164 allows at the most
_PHOTO = re.compile(
    r"[^\\/:*?\"<>|]{1,200}\.(jpe?g|png|heic|heif|webp|gif|bmp|tiff?)", re.IGNORECASE
)


def cleaned(text: str) -> str:
    """Return a text on one line, composed, without what can't be seen; `Typed` stays so."""
    plain = " ".join(unicodedata.normalize("NFC", text.translate(_INVISIBLE)).split())
    return Typed(plain) if isinstance(text, Typed) else plain


def read_value(text: str, field: Field, asked: Asked) -> Read | None:
    """Return what a cell says of a field, None where it says nothing."""
    plain = cleaned(text)
    if not plain or plain.casefold() in BLANK:
        return None
    if any(unicodedata.category(each) in {"Cc", "Cf", "Cs", "Co", "Cn"} for each in plain):
        return Read(None, Code.TEXT_WRONG)
    if _SPREADSHEET_ERROR.fullmatch(plain):
        return Read(None, Code.CELL_ERROR)
    return _READERS[field.kind](plain, field, asked)


def _text(text: str, _: Field, __: Asked) -> Read:
    if len(text) > OLD_FILE_TEXT_CHARS_MAX:
        return Read(None, Code.TEXT_LONG, {"most": str(OLD_FILE_TEXT_CHARS_MAX)})
    return Read(text)


def _reference(text: str, field: Field, _: Asked) -> Read:
    if _ROUNDED.fullmatch(text):
        return Read(None, Code.ROUNDED)
    if field.required and _NAME.fullmatch(text) is None:
        return Read(None, Code.REFERENCE_WRONG)
    if len(text) > OLD_FILE_REFERENCE_CHARS_MAX:
        return Read(None, Code.TEXT_LONG, {"most": str(OLD_FILE_REFERENCE_CHARS_MAX)})
    return Read(text)


def _plan(text: str, _: Field, asked: Asked) -> Read:
    plan_id = asked.plan(text)
    return Read(None, Code.PLAN_UNKNOWN) if plan_id is None else Read(plan_id)


def _mac(text: str, _: Field, __: Asked) -> Read:
    lower = text.lower()
    digits = re.sub(r"[^0-9a-f]", "", lower)
    if _MAC_FORMS.fullmatch(lower) is None or _HEX.fullmatch(digits) is None:
        return Read(None, Code.MAC_WRONG)
    value = ":".join(digits[at : at + 2] for at in range(0, 12, 2))
    is_group = int(digits[:2], 16) & 1 or digits == "0" * 12
    return Read(value, Code.MAC_GROUP) if is_group else Read(value)


def _choice(text: str, field: Field, _: Asked) -> Read:
    for value, words in field.choices.items():
        if folded(text) in {folded(word) for word in (value, *words)}:
            return Read(value)
    return Read(None, Code.CHOICE_UNKNOWN, {"choices": ", ".join(field.choices)})


def _email(text: str, _: Field, __: Asked) -> Read:
    return Read(text) if _EMAIL.fullmatch(text) else Read(None, Code.EMAIL_WRONG)


def _phone(text: str, _: Field, __: Asked) -> Read:
    digits = re.sub(r"[^0-9]", "", text)
    if _PHONE.fullmatch(text) is None or len(digits) not in _PHONE_DIGITS:
        return Read(None, Code.PHONE_WRONG)
    value = "+" + digits if text.startswith("+") else digits
    return Read(value, Code.LEADING_ZERO) if isinstance(text, Typed) else Read(value)


def _photos(text: str, _: Field, __: Asked) -> Read:
    names = [name.strip() for name in re.split(r"[;,|]", text) if name.strip()]
    if len(names) > OLD_FILE_PHOTOS_MAX or not all(map(_PHOTO.fullmatch, names)):
        return Read(None, Code.PHOTO_WRONG)
    return Read("; ".join(names)) if names else Read(None, Code.PHOTO_WRONG)


_READERS: Mapping[Kind, Callable[[str, Field, Asked], Read]] = MappingProxyType(
    {
        Kind.TEXT: _text,
        Kind.REFERENCE: _reference,
        Kind.PLAN: _plan,
        Kind.DATE: read_date,
        Kind.NUMBER: read_number,
        Kind.MAC: _mac,
        Kind.CHOICE: _choice,
        Kind.EMAIL: _email,
        Kind.PHONE: _phone,
        Kind.PHOTOS: _photos,
    }
)
