"""Every file that operators write and name is read whatever their editor adds to it."""

import codecs
from collections.abc import Callable
from pathlib import Path

import pytest
from founding import make_genesis

from kpnode.config import load_config
from kpnode.daemon import _load_genesis
from kpnode.errors import SetupError
from kpnode.founding import read_members
from kpnode.keyfile import load_seed
from kpnode.tokens import read_tokens

EXAMPLE = Path(__file__).parents[3] / "config" / "node.example.toml"
FILES: dict[str, tuple[bytes, Callable[[Path], object]]] = {
    "genesis": (make_genesis().encoded, lambda path: _load_genesis(path).chain),
    "node.toml": (EXAMPLE.read_bytes(), load_config),
    "participants": ("code,name,kind\nBW,Côte,STATE\n".encode(), read_members),
    "seed": (b"ab" * 32 + b"\n", load_seed),
    "tokens": (b"office 2026-01-01 " + b"ab" * 32 + b"\n", read_tokens),
}


def write(name: str, content: bytes, folder: Path) -> Path:
    path = folder / name
    path.write_bytes(content)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("name", FILES)
def test_a_mark_and_other_ends_of_lines_change_nothing(name: str, tmp_path: Path) -> None:
    content, read = FILES[name]
    plain = read(write(name, content, tmp_path))
    windows = codecs.BOM_UTF8 + content.replace(b"\n", b"\r\n") + b"\r\n\r\n"
    assert read(write(name, windows, tmp_path)) == plain


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", FILES)
def test_another_encoding_is_named(name: str, encoding: str, tmp_path: Path) -> None:
    content, read = FILES[name]
    file = write(name, content.decode().encode(encoding), tmp_path)
    with pytest.raises((SetupError, OSError), match="save it as UTF-8"):
        read(file)
