"""JSON values at random, for properties."""

from __future__ import annotations

from hypothesis import strategies as st

from omega_core.facts import INTEGER_MAX

# Floats that JSON writes with a fraction or an exponent: 1.0 is written 1 and read as an integer,
# and a whole float at 2^53 or above is refused when it is read again.
_FRACTIONS = st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda number: not number.is_integer()
)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)

JSON_VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | _FRACTIONS | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)
