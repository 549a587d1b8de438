from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from service.sandbox.simulator.forms import FormError, decode_form


@pytest.mark.parametrize(
    ("form", "tree"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=", {"a": ""}),
        ("a[b][c]=1&a[b][d]=2&a[e]=3", {"a": {"b": {"c": "1", "d": "2"}, "e": "3"}}),
        ("a[0]=x&a[1]=y", {"a": {"0": "x", "1": "y"}}),
        ("a[]=x&a[]=y", {"a": ["x", "y"]}),
        ("a[][b]=1&a[][c]=2&a[][b]=3", {"a": [{"b": "1", "c": "2"}, {"b": "3"}]}),
        ("a%5Bb%5D=x%26y", {"a": {"b": "x&y"}}),
        ("a=1&a=2", {"a": "2"}),
        ("m[%C3%BC]=%E2%98%83", {"m": {"ü": "☃"}}),
    ],
)
def test_a_form_becomes_nested(form: str, tree: dict[str, Any]) -> None:
    assert decode_form(form) == tree


@pytest.mark.parametrize(
    "form", ["a", "a[=1", "a]b=1", "=1", "[a]=1", "a=1&a[b]=2", "a[b]=1&a=2", "a[]=1&a[b]=2", "a[b]=1&a[]=2"]
)
def test_a_form_that_contradicts_itself_is_refused(form: str) -> None:
    with pytest.raises(FormError):
        decode_form(form)


letters = st.characters(exclude_categories=["Cs"], exclude_characters="[]")
names = st.text(letters, min_size=1, max_size=8)
values: st.SearchStrategy[Any] = st.recursive(
    st.text(letters, max_size=8),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3) | st.dictionaries(names, inner, min_size=1, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(names, values, max_size=5))
def test_what_the_sdk_encodes_is_decoded_to_the_same(params: dict[str, Any]) -> None:
    assert decode_form(urlencode(list(_api_encode(params)))) == _indexed(params)


def _indexed(value: Any) -> Any:  # noqa: ANN401 - any parameters
    """Lists as the SDK sends them, by index."""
    if isinstance(value, dict):
        return {key: _indexed(each) for key, each in value.items()}
    if isinstance(value, list):
        return {str(index): _indexed(each) for index, each in enumerate(value)}
    return value
