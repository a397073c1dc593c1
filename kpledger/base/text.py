"""Text from outside, made harmless for whom it is shown to.

Names, reasons and notes were written by strangers: by officers of other participants, or by a node
that lies. On a terminal a control character moves the cursor, hides a line or answers in the
reader's name (ECMA-48), and an override of the direction of writing (Unicode, UAX 9) makes a number
read backwards. Whatever is shown to people passes :func:`clean` first, whatever programs read as
JSON passes :func:`escape_json`.
"""

import re
from typing import Final

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_SHORT: Final = 1000
_MAX_DEPTH: Final = 64
_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')
_BRACKETS: Final = re.compile(rb"[][{}]")
_COUNT: Final = re.compile(r"[0-9]{1,18}")


def clean(text: str) -> str:
    """Replace what is not printable, so that text can only be read and never act."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _REPLACEMENT for one in text)


def clean_lines(text: str) -> str:
    """Replace likewise in a text of several lines, and keep the lines."""
    return "\n".join(map(clean, text.split("\n")))


def shorten(text: str) -> str:
    """Cut what somebody else says of himself to what a person still reads."""
    return text if len(text) <= _SHORT else f"{text[:_SHORT]} ... ({len(text)} characters)"


def parse_count(text: str) -> int | None:
    """Read what is to be a count; None if it is none, or larger than any (10^18)."""
    return int(text) if _COUNT.fullmatch(text) else None


def spell(value: object) -> str:
    """Write a plain value as TOML and URLs have it: truth values in small letters."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def escape_json(text: str) -> str:
    r"""Write what is not printable in a JSON text as ``\u`` and its code: the same values.

    Characters other than ASCII stand in strings only (RFC 8259, section 2), where such an escape
    means the character itself.
    """
    if text.isprintable():
        return text
    return re.sub(r"[^ -~\n]", _escape, text)


def _escape(found: re.Match[str]) -> str:
    one = found[0]
    if one.isprintable():
        return one
    halves = one.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{halves[n : n + 2].hex()}" for n in range(0, len(halves), 2))


def check_json_depth(content: bytes) -> None:
    """Refuse JSON that is nested deeper than any answer of ours, before it is read.

    Raises:
        ValueError: it is.
    """
    if content.count(b"[") + content.count(b"{") <= _MAX_DEPTH:
        return
    depth = 0
    for found in _BRACKETS.finditer(_STRINGS.sub(b"", content)):
        depth += 1 if found[0] in b"[{" else -1
        if depth > _MAX_DEPTH:
            raise ValueError(f"it is nested more than {_MAX_DEPTH} deep")
