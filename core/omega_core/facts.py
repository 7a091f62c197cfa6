"""The base of everything that is stated in a record.

A fact is a frozen standard dataclass, so the probe can make one without loading pydantic, which a
CPE would feel at every start. The same class is checked strictly by pydantic where bytes come in:
`__pydantic_config__` is a plain dict, so nothing is imported for it here. Only the ranges stand in
the annotations.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, TypeAlias

from annotated_types import Ge, Le, Len

INTEGER_MAX = 2**53 - 1  # beyond it a JSON number is not exact in every reader (RFC 8785 s3.2.2.3)

Count: TypeAlias = Annotated[int, Ge(0), Le(INTEGER_MAX)]
Signed: TypeAlias = Annotated[int, Ge(-INTEGER_MAX), Le(INTEGER_MAX)]
Name: TypeAlias = Annotated[str, Len(1, 64)]
Text: TypeAlias = Annotated[str, Len(0, 512)]


class Fact:
    """Base of the dataclasses of a record: no coercion, no unknown field."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}
