"""A passphrase is one however it is typed, and each key opens that opened before."""

import os
import pty
import select
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kpclient.cli import app
from kpclient.files import write_durably
from kpclient.keyfile import KeyEntry, seal
from kpclient.keystore import Keystore, KeystoreError, WrongPassphraseError
from kpledger.base.keys import SigningKey
from kpledger.scheme.event import Author

SEED = bytes(range(32))
AUTHOR = Author(participant="CI", authority="abidjan")
PLAIN = "caf\u00e9 au lait, s'il vous pla\u00eet"
WAYS = {
    "as it is": PLAIN.encode(),
    "a line": PLAIN.encode() + b"\n",
    "a line of Windows": PLAIN.encode() + b"\r\n",
    "a byte order mark": b"\xef\xbb\xbf" + PLAIN.encode() + b"\r\nsecond line",
    "accents apart": PLAIN.replace("\u00e9", "e\u0301").replace("\u00ee", "i\u0302").encode(),
    "other spaces": PLAIN.replace(" ", "\u00a0").replace("lait,\u00a0", "lait,\u3000").encode(),
}


@pytest.fixture
def keystore(tmp_path: Path) -> Keystore:
    return Keystore(tmp_path / "keys")


@pytest.mark.parametrize("made", WAYS)
def test_a_key_opens_however_its_passphrase_is_written(made: str, keystore: Keystore) -> None:
    keystore.create(name="one", author=AUTHOR, seed=SEED, passphrase=WAYS[made])
    for way in WAYS.values():
        assert keystore.unseal("one", way) == SEED


@pytest.mark.parametrize("raw", [*WAYS.values(), b"caf\xe9 au lait", b"with a\ttab in it"])
def test_a_key_of_an_earlier_version_opens_and_is_rewritten(
    raw: bytes, keystore: Keystore, tmp_path: Path
) -> None:
    """It was sealed under the bytes of the first line as they were."""
    line = raw.partition(b"\n")[0]
    (tmp_path / "keys").mkdir(0o700)
    entry = KeyEntry("old", AUTHOR, SigningKey.from_seed(SEED).public_key)
    write_durably(tmp_path / "keys" / "old.key", seal(entry, SEED, line), replace=False)
    assert keystore.unseal("old", raw) == SEED
    with pytest.raises(WrongPassphraseError):
        keystore.unseal("old", b"another one")
    if raw in WAYS.values():
        keystore.rewrite("old", raw)
        assert keystore.unseal("old", PLAIN.encode()) == SEED


@pytest.mark.parametrize(
    "raw", [b"caf\xe9 au lait, toujours", PLAIN.encode("utf-16"), b"a tab\tin many words", b"\r\n"]
)
def test_what_nobody_could_type_is_no_passphrase_of_a_new_key(
    raw: bytes, keystore: Keystore
) -> None:
    with pytest.raises(KeystoreError) as caught:
        keystore.create(name="one", author=AUTHOR, seed=SEED, passphrase=raw)
    assert "passphrase" in str(caught.value)


def run(home: Path, *words: str | Path, **environment: str) -> Result:
    variables = {"KPLEDGER_HOME": str(home), **environment}
    return CliRunner().invoke(app, list(map(str, words)), env=variables)


@pytest.mark.parametrize("way", [WAYS["a line of Windows"], WAYS["a byte order mark"]])
def test_file_environment_and_prompt_are_read_alike(
    way: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, file = tmp_path / "home", tmp_path / "phrase"
    monkeypatch.delenv("KPLEDGER_PASSPHRASE", raising=False)
    file.touch(0o600)
    file.write_bytes(way)
    new = ("keys", "new", "--author", "CI/abidjan", "--name", "one")
    assert run(home, *new, "--passphrase-file", file).exit_code == 0
    export = ("keys", "export", "one", "--secret")
    secret = run(home, *export, "--passphrase-file", file).stdout
    assert run(home, *export, KPLEDGER_PASSPHRASE=PLAIN).stdout == secret
    code, said = talk(home, PLAIN.encode() + b"\n", *export)
    assert (code, secret.strip() in said) == (0, True)


@pytest.mark.parametrize(("key", "code", "says"), [(3, 130, "interrupted"), (4, 2, "has ended")])
def test_a_key_pressed_at_a_prompt_ends_the_command_in_words(
    key: int, code: int, says: str, tmp_path: Path
) -> None:
    """Ctrl-C and Ctrl-D."""
    found, said = talk(tmp_path, bytes([key]), "keys", "new", "--author", "CI/abidjan")
    assert (found, says in said, "Traceback" in said) == (code, True, False)


def talk(home: Path, keys: bytes, *words: str) -> tuple[int, str]:
    """Run a command on a terminal, and press keys when it asks."""
    environment = {**os.environ, "KPLEDGER_HOME": str(home)}
    environment.pop("KPLEDGER_PASSPHRASE", None)
    pid, terminal = pty.fork()
    if pid == 0:
        start(words, environment)
    said, asked = b"", False
    while select.select([terminal], [], [], 60)[0]:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other side is closed
            break
        said += piece
        # The last blank is written when the echo is off, and nothing typed before it is kept.
        if said.endswith(b": ") and not asked:
            asked = os.write(terminal, keys) > 0
    else:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), said.decode()


def start(words: tuple[str, ...], environment: Mapping[str, str]) -> None:
    argv = [sys.executable, "-m", "kpclient", *words]
    os.execve(sys.executable, argv, dict(environment))  # noqa: S606 (this interpreter)
