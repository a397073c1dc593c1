"""Every file that operators write and name is read whatever their editor adds to it."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from edited import Reading, check_mark_and_ends, check_other_encodings, write_private
from founding import make_genesis

from kpnode.config import load_config
from kpnode.daemon import _limits_of, read_genesis
from kpnode.errors import SetupError
from kpnode.founding import read_members
from kpnode.keyfile import load_seed
from kpnode.tokens import read_tokens

EXAMPLE = Path(__file__).parents[3] / "config" / "node.example.toml"
FILES: dict[str, Reading] = {
    "genesis": (make_genesis().encoded, lambda path: read_genesis(path).chain),
    "node.toml": (EXAMPLE.read_bytes(), load_config),
    "participants": ("code,name,kind\nBW,Côte,STATE\n".encode(), read_members),
    "seed": (b"ab" * 32 + b"\n", load_seed),
    "tokens": (b"office 2026-01-01 " + b"ab" * 32 + b"\n", read_tokens),
}


@pytest.mark.parametrize("name", FILES)
def test_a_mark_and_other_ends_of_lines_change_nothing(name: str, tmp_path: Path) -> None:
    check_mark_and_ends(name, FILES[name], tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_another_encoding_is_named(name: str, tmp_path: Path) -> None:
    check_other_encodings(name, FILES[name], tmp_path, (SetupError, OSError))


BACKSLASHES = {
    r"C:\srv\kp": "Unescaped",
    r"C:\Users\kp": "hex value",
    r"C:\node\table": "is not a path",
}
"""Paths of Windows in double quotes; of the last, escapes make a line and a tab."""


@pytest.mark.parametrize("folder", BACKSLASHES)
def test_backslashes_in_a_path_are_explained(folder: str, tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    file = write_private("node.toml", text.replace('"."', f'"{folder}"').encode(), tmp_path)
    with pytest.raises(SetupError, match=BACKSLASHES[folder]) as caught:
        load_config(file)
    accepted = "single quotes" if "path" not in BACKSLASHES[folder] else "a path in quotes"
    assert accepted in str(caught.value)
    file = write_private("node.toml", text.replace('"."', f"'{folder}'").encode(), tmp_path)
    assert load_config(file).node.directory == tmp_path / folder


def test_how_long_connections_are_kept_is_configured(tmp_path: Path) -> None:
    text = EXAMPLE.read_text().replace("keep_alive_s = 20", "keep_alive_s = 75")
    config = load_config(write_private("node.toml", text.encode(), tmp_path))
    assert _limits_of(config).request_s == 75


STRANGER = 54_321
"""The number of a user, and of a group."""


def is_read(path: Path, *, group: int) -> bool:
    """Read a seed in a process of another user, who is in a group."""
    process = os.fork()
    if process == 0:
        try:
            os.setgroups([])
            os.setgid(group)
            os.setuid(STRANGER)
            load_seed(path)
            os._exit(0)
        except SetupError:
            os._exit(1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="to be somebody else needs root")
@pytest.mark.parametrize(
    ("mode", "owner", "is_taken"),
    [
        (0o440, 0, True),  # a secret of Kubernetes with fsGroup
        (0o640, 0, True),
        (0o444, 0, False),
        (0o460, 0, False),
        (0o400, STRANGER, True),
        (0o600, STRANGER, True),
        (0o440, STRANGER, False),
        (0o440, 1, False),
    ],
)
def test_a_seed_that_root_has_put_into_a_container_is_read(
    mode: int, owner: int, *, is_taken: bool
) -> None:
    with TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        path = write_private("seed", b"ab" * 32 + b"\n", Path(directory))
        os.chown(path, owner, STRANGER)
        path.chmod(mode)
        assert is_read(path, group=STRANGER) == is_taken
        if owner == 0:
            with pytest.raises(SetupError, match="0440 will do"):
                load_seed(path)


def test_no_ledger_is_founded_with_a_territory_for_a_participant(tmp_path: Path) -> None:
    file = tmp_path / "participants.csv"
    file.write_text("code,name,kind\nEU,European Union,REIO\nGL,Greenland,STATE\n")
    with pytest.raises(SetupError, match="line 3: GL is part of EU; use EU"):
        read_members(file)
