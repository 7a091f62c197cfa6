"""The base of everything that is stated in a record.

A fact is a frozen standard dataclass, so the probe can make one without loading pydantic, which a
CPE would feel at every start. The same class is checked strictly by pydantic where bytes come in:
`__pydantic_config__` is a plain dict, so nothing is imported for it here. Only the ranges stand in
the annotations.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

INTEGER_MAX = 2**53 - 1  # beyond it a JSON number is not exact in every reader (RFC 8785 s3.2.2.3)


class _Range:
    """Marks the least and the most of something; pydantic reads it when a checker is built.

    These say what `annotated_types` would, which takes a tenth of the probe's start to load.
    """

    __slots__ = ("_bounds",)

    def __init__(self, **bounds: int) -> None:
        self._bounds = bounds

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:  # noqa: ANN401 - pydantic's types load late
        return {**handler(source), **self._bounds}


class Between(_Range):
    """The least and the greatest value of an integer."""

    __slots__ = ()

    def __init__(self, least: int, greatest: int) -> None:
        super().__init__(ge=least, le=greatest)


class Length(_Range):
    """The least and the greatest length of a string or a tuple."""

    __slots__ = ()

    def __init__(self, least: int, greatest: int) -> None:
        super().__init__(**({"min_length": least} if least else {}), max_length=greatest)


class Shape:
    """The form of a string, as a regular expression that pydantic reads when a checker is built."""

    __slots__ = ("_pattern",)

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:  # noqa: ANN401 - pydantic's types load late
        return {**handler(source), "pattern": self._pattern}


class _WholeNumber:
    """Marks a literal number: `true` and `1.0` equal 1 in Python, but are other JSON than 1.

    Pydantic asks for its schema when a checker is built, so it is loaded by then.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:  # noqa: ANN401 - pydantic's types load late
        from pydantic_core import core_schema  # noqa: PLC0415 - see the class

        return core_schema.no_info_before_validator_function(_refuse_not_whole, handler(source))


def _refuse_not_whole(value: object) -> object:
    if type(value) is not int:
        raise ValueError("a whole number is expected")
    return value


WHOLE = _WholeNumber()
Version1: TypeAlias = Annotated[Literal[1], WHOLE]
"""The version of a message that this program knows."""
Family: TypeAlias = Annotated[Literal[4, 6], WHOLE]
"""IPv4 or IPv6."""
AddressText: TypeAlias = Annotated[str, Shape(r"^[0-9a-fA-F:.]{2,45}$")]
"""An IP address without a zone: which interface a link-local one is on stands beside it."""
Count: TypeAlias = Annotated[int, Between(0, INTEGER_MAX)]
Signed: TypeAlias = Annotated[int, Between(-INTEGER_MAX, INTEGER_MAX)]
Name: TypeAlias = Annotated[str, Length(1, 64)]
Text: TypeAlias = Annotated[str, Length(0, 512)]


class Fact:
    """Base of the dataclasses of a record: no coercion, no unknown field."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}
