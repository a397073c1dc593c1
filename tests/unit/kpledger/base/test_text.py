"""Text from outside can only be read: by people, and by programs the very same."""

import json

import pytest
from hypothesis import given, strategies as st

from kpledger.base.text import check_json_depth, clean, clean_lines, escape_json, shorten

ACTING = ["\x1b[2J", "\x9b31m", "\x07", "\x7f", "\u202e", "\u2066", "\u2028", "\ufeff", "\t", "\r"]


@pytest.mark.parametrize("text", [*ACTING, "\n", "\U000e0041", "\udcff"])
def test_what_is_not_printable_is_replaced(text: str) -> None:
    shown = clean(f"a{text}b")
    assert shown.isprintable()
    assert (shown[0], shown[-1], len(shown)) == ("a", "b", len(text) + 2)


def test_lines_stay_lines() -> None:
    assert clean_lines("a\x1b\nb\r\n") == "a\ufffd\nb\ufffd\n"


@given(st.text())
def test_json_says_the_same_in_what_can_be_printed(text: str) -> None:
    escaped = escape_json(json.dumps({"text": text}, ensure_ascii=False))
    assert escaped.isprintable()
    assert json.loads(escaped) == {"text": text}


def test_long_text_is_cut_and_says_so() -> None:
    assert shorten("x" * 1000) == "x" * 1000
    assert shorten("x" * 1001) == f"{'x' * 1000} ... (1001 characters)"


@pytest.mark.parametrize("depth", [65, 400, 100_000])
def test_json_that_is_nested_deeply_is_refused(depth: int) -> None:
    for opened, closed in ((b"[", b"]"), (b'{"a":', b"}")):
        with pytest.raises(ValueError, match="nested more than 64 deep"):
            check_json_depth(opened * depth + b"1" + closed * depth)


@pytest.mark.parametrize(
    "content", [b"[" * 64 + b"]" * 64, b"[[],[]]" * 100, b'["' + b"[" * 500 + b'\\"[["]', b""]
)
def test_other_json_is_read(content: bytes) -> None:
    check_json_depth(content)
