"""A question to a name server and what its answer says: RFC 1035 section 4, as far as we ask.

A DNS library was weighed and left out: the probe asks for two record types and needs the code, the
number of answers and a few addresses, which is less than it takes to load one on a CPE. So this
reader knows nothing of classes, of EDNS or of other records; it skips them by their length.

    header    | id 2 | flags 2 | questions 2 | answers 2 | authorities 2 | additionals 2 |
    question  | name | type 2 | class 2 |
    record    | name | type 2 | class 2 | ttl 4 | length 2 | data |

A name is labels of a length octet each, ended by 0 or by a pointer of two octets, the first of them
from 192. Nothing here follows a pointer: the question comes back as it was sent, and the owner's
name of a record is not needed.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import Final, NamedTuple

from omega_core.limits import NAME_OCTETS_MAX, PATH_ADDRESSES_OF_A_HOP_MAX

RECORD_TYPES: Final = {"A": 1, "AAAA": 28}
_ADDRESS_OCTETS: Final = {1: 4, 28: 16}
_HEADER: Final = struct.Struct("!HHHHHH")
_TAIL_OF_QUESTION: Final = struct.Struct("!HH")
_TAIL_OF_RECORD: Final = struct.Struct("!HHIH")
_IN: Final = 1
_RECURSION_DESIRED: Final = 0x0100
_IS_ANSWER: Final = 0x8000
_RCODE: Final = 0x000F
_POINTER: Final = 0xC0
_LABEL_OCTETS_MAX: Final = 63
_NAME_OCTETS_MAX: Final = 255
_ANSWERS_READ_MAX: Final = 32


class NotAnAnswerError(ValueError):
    """The octets are no answer to the question that was asked."""


class NameAnswer(NamedTuple):
    """What a server said: its code, how many records, and the first addresses among them."""

    rcode: int
    answers: int
    addresses: tuple[str, ...]


def question_bytes(number: int, name: str, record_type: str) -> bytes:
    """Return the question; raises ValueError for a name that DNS can't carry."""
    header = _HEADER.pack(number, _RECURSION_DESIRED, 1, 0, 0, 0)
    return header + _name_bytes(name) + _TAIL_OF_QUESTION.pack(RECORD_TYPES[record_type], _IN)


def parse_answer(data: bytes, question: bytes) -> NameAnswer:
    """Return what the answer to this question says. Raises NotAnAnswerError.

    The id and the question must come back (letters of either case: some servers change it). What a
    cut-off answer lacks is left out; its code stands.
    """
    if len(data) > NAME_OCTETS_MAX or len(data) < _HEADER.size:
        raise NotAnAnswerError
    number, flags, questions, answers, _, _ = _HEADER.unpack_from(data)
    if number != _HEADER.unpack_from(question)[0] or not flags & _IS_ANSWER:
        raise NotAnAnswerError
    rcode = flags & _RCODE
    if questions == 0 and rcode:
        return NameAnswer(rcode, 0, ())  # a server that failed may leave the question out
    if data[_HEADER.size : len(question)].lower() != question[_HEADER.size :].lower():
        raise NotAnAnswerError
    return NameAnswer(rcode, answers, _addresses(data, len(question), answers))


def _addresses(data: bytes, offset: int, answers: int) -> tuple[str, ...]:
    found: list[str] = []
    for _ in range(min(answers, _ANSWERS_READ_MAX)):
        tail = _after_name(data, offset)
        if tail is None or tail + _TAIL_OF_RECORD.size > len(data):
            break
        kind, _, _, length = _TAIL_OF_RECORD.unpack_from(data, tail)
        start, offset = tail + _TAIL_OF_RECORD.size, tail + _TAIL_OF_RECORD.size + length
        if length == _ADDRESS_OCTETS.get(kind) and offset <= len(data):
            found.append(str(ipaddress.ip_address(data[start:offset])))
    return tuple(found[:PATH_ADDRESSES_OF_A_HOP_MAX])


def _after_name(data: bytes, offset: int) -> int | None:
    """Return where the name that begins at `offset` ends; None if it does not end in the data."""
    while offset < len(data):
        length = data[offset]
        if length >= _POINTER:
            return offset + 2
        if length == 0:
            return offset + 1
        offset += 1 + length
    return None


def _name_bytes(name: str) -> bytes:
    if name == ".":
        return b"\0"
    labels = (name if name.isascii() else name.encode("idna").decode()).rstrip(".").split(".")
    octets = [label.encode("ascii") for label in labels]
    if not all(1 <= len(label) <= _LABEL_OCTETS_MAX for label in octets):
        raise ValueError("a label of a name has 1 to 63 octets")
    whole = b"".join(bytes([len(label)]) + label for label in octets) + b"\0"
    if len(whole) > _NAME_OCTETS_MAX:
        raise ValueError("a name has at most 255 octets")
    return whole
