"""Generated files: written anew, or with ``--check`` compared with what they should be."""

import sys
from pathlib import Path


def deliver(path: Path, text: str, *, command: str) -> int:
    """Write a file, or with ``--check`` on the command line tell whether it is stale.

    Args:
        path: where it stands.
        text: what it should hold.
        command: what writes it, for the reader of an error.

    Returns:
        The exit code.
    """
    if sys.argv[1:] not in ([], ["--check"]):
        sys.stderr.write(f"usage: {command} [--check]\n")
        return 2
    if not sys.argv[1:]:
        path.write_text(text, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{path.name} is stale: run {command}\n")
        return 1
    return 0
