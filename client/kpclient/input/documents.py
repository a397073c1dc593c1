"""Documents: JSON and TOML as people write them, read as plain values.

Decimals are kept as text on their way, so that 0.1 carat is 0.1 carat. What the values mean is read
in :mod:`kpclient.input.forms`.
"""

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from kpclient.files import read_bounded
from kpledger.base.errors import MalformedError

MAX_DOCUMENT_BYTES: Final = 1024 * 1024


def load_document(path: Path) -> dict[str, object]:
    """Read a file: TOML if its name ends so, otherwise JSON.

    Raises:
        MalformedError: it is neither.
        UnreadableError: it cannot be read.
    """
    content = read_bounded(path, max_bytes=MAX_DOCUMENT_BYTES)
    if path.suffix == ".toml":
        return parse_toml(content)
    return parse_json(content, what=str(path))


def parse_toml(content: bytes) -> dict[str, object]:
    """Read a document written in TOML; its dates may be TOML's own.

    Raises:
        MalformedError: it is not TOML.
    """
    try:
        return tomllib.loads(content.decode(), parse_float=str)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError("draft", str(error)) from None


def parse_json(content: bytes, *, what: str = "draft") -> dict[str, object]:
    """Read a document written in JSON.

    Raises:
        MalformedError: it is not JSON, not an object, or has a name twice.
    """
    try:
        found = json.loads(content, parse_float=str, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise MalformedError(what, str(error)) from None
    if not isinstance(found, dict):
        raise MalformedError(what, "it is not a JSON object")
    return found


def _unique(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise MalformedError("draft", "this name is given twice", field=name)
        found[name] = value
    return found
