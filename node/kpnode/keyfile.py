"""Key files of a node: the 32-byte seed of an Ed25519 key in hexadecimal, for its owner alone."""

import os
import secrets
import stat
from pathlib import Path

from kpledger.base.errors import MalformedError
from kpledger.base.ids import parse_hex32
from kpledger.reading import read_text
from kpnode.errors import SetupError

_PRIVATE_MODE = 0o600
_MAX_FILE_BYTES = 4096


def write_new_seed(path: Path) -> bytes:
    """Draw a seed, write it durably and give it.

    Raises:
        SetupError: the file is there already; a key is never overwritten.
    """
    seed = secrets.token_bytes(32)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_MODE)
    except FileExistsError:
        raise SetupError(f"{path} is there already; a key is never overwritten") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(seed.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return seed


def load_seed(path: Path) -> bytes:
    """Read a seed.

    Raises:
        SetupError: missing, readable by others, or not 64 hexadecimal digits.
    """
    try:
        found = path.stat()
        text = read_text(path, max_bytes=_MAX_FILE_BYTES)
    except OSError as error:
        why = error.strerror or error
        raise SetupError(f"{path} cannot be read: {why}") from None
    mode = stat.S_IMODE(found.st_mode)
    # A secret of a container is root's, and readable to the group of whom the node runs as.
    refused = 0o037 if found.st_uid == 0 != os.geteuid() else 0o077
    if mode & refused:
        problem = f"{path} has mode {mode:04o}; others may read it; chmod 600 it"
        raise SetupError(f"{problem} (0440 will do if it is root's, and the node runs as another)")
    try:
        return parse_hex32(text.strip(), "key file")
    except MalformedError:
        raise SetupError(f"{path} does not hold 64 lower-case hexadecimal digits") from None
