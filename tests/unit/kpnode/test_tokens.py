"""The file of tokens: what it keeps, who may read it, and what becomes of a broken one."""

import hashlib
import logging
import os
import threading
from pathlib import Path

import pytest

from kpnode.errors import SetupError
from kpnode.tokens import (
    MAX_TOKENS,
    TOKEN_PREFIX,
    TokenRegister,
    add_token,
    read_tokens,
    revoke_token,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tokens"


def test_a_token_is_kept_as_its_hash_in_a_file_for_its_owner_alone(file: Path) -> None:
    token = add_token(file, "office")
    assert token.startswith(TOKEN_PREFIX)
    assert len(token) == len(TOKEN_PREFIX) + 43
    assert token not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    (entry,) = read_tokens(file)
    assert (entry.name, entry.sha256) == ("office", hashlib.sha256(token.encode()).hexdigest())
    assert [one.name for one in file.parent.iterdir()] == ["tokens"]


def test_no_two_tokens_are_the_same(file: Path) -> None:
    assert len({add_token(file, f"office-{number}") for number in range(3)}) == 3


def test_a_register_follows_the_file(file: Path) -> None:
    register = TokenRegister(file)
    assert not register.holds("")
    assert not register.holds("kpt_\udcff\u00e4")
    first, second = add_token(file, "first"), add_token(file, "second")
    assert register.holds(first)
    assert register.holds(second)
    assert not register.holds(first + "x")
    revoke_token(file, "first")
    assert not register.holds(first)
    assert register.holds(second)
    file.unlink()
    assert not register.holds(second)


@pytest.mark.parametrize("name", ["", "two words", "-x", "a" * 33, "a\n", "näme"])
def test_a_name_is_one_word(file: Path, name: str) -> None:
    with pytest.raises(SetupError, match="accepted: 1 to 32 letters"):
        add_token(file, name)


def test_a_name_is_taken_once(file: Path) -> None:
    add_token(file, "office")
    with pytest.raises(SetupError, match="has a token office already"):
        add_token(file, "office")


def test_who_revokes_what_is_not_there_is_told_what_is(file: Path) -> None:
    with pytest.raises(SetupError, match=r"has no token 'office'; accepted: none"):
        revoke_token(file, "office")
    add_token(file, "border")
    with pytest.raises(SetupError, match="accepted: border"):
        revoke_token(file, "office")


@pytest.mark.parametrize(
    ("content", "mode", "complaint"),
    [
        ("", 0o640, "has mode 0640"),
        ("", 0o602, "has mode 0602"),
        ("office 2026-01-01 00\n", 0o600, "line 1: accepted: NAME"),
        ("# x\n\noffice\n", 0o600, "line 3: accepted: NAME"),
        ("ä", 0o600, "line 1: accepted: NAME"),
        (f"x 2026-01-01 {64 * '0'}\n" * (MAX_TOKENS + 1), 0o600, "more than 1000 tokens"),
        ("#" * (256 << 10) + "\n", 0o600, "more than 262144 bytes"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_lets_nobody_in(
    file: Path, content: str, mode: int, complaint: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = add_token(file, "office")
    register = TokenRegister(file)
    assert register.holds(token)
    file.write_text(content)
    file.chmod(mode)
    with pytest.raises(SetupError, match=complaint):
        read_tokens(file)
    with caplog.at_level(logging.ERROR):
        assert not register.holds(token)
        assert not register.holds(token)
    assert [record.message for record in caplog.records if complaint in record.message]
    assert len(caplog.records) == 1
    with pytest.raises(SetupError):
        TokenRegister(file)


def test_a_pipe_in_the_place_of_the_file_stops_nobody(file: Path) -> None:
    os.mkfifo(file, 0o600)
    with pytest.raises(SetupError, match="it is a named pipe, not a regular file"):
        read_tokens(file)


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="nowhere/tokens cannot be written"):
        add_token(tmp_path / "nowhere" / "tokens", "office")


def test_tokens_that_are_made_at_once_are_all_kept(file: Path) -> None:
    names = [f"office-{number}" for number in range(8)]
    threads = [threading.Thread(target=add_token, args=(file, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.name for one in read_tokens(file)) == names


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_makes_belongs_to_the_user_of_the_node(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 1234)
    add_token(tmp_path / "tokens", "office")
    assert (tmp_path / "tokens").stat().st_uid == 1234
