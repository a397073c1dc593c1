"""``kpledger keys`` and what needs no node: from the command line, on a real disk."""

import json
from pathlib import Path

import pytest
from founding import make_genesis
from typer.testing import CliRunner, Result

from kpclient.cli import app
from kpledger.log.note import parse_vkey

SEED = bytes(range(32))
VECTORS = Path(__file__).parents[1] / "vectors" / "keys"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("NODE", "GENESIS", "KEY", "PASSPHRASE"):
        monkeypatch.delenv(f"KPLEDGER_{name}", raising=False)
    monkeypatch.setenv("KPLEDGER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KPLEDGER_PASSPHRASE", "for the tests only")
    return tmp_path / "home"


def run(*arguments: str | Path, **options: str) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)], **options)  # type: ignore[arg-type]


def make_key(tmp_path: Path, author: str = "BW/gaborone") -> str:
    """Make a key from a known seed and give its name."""
    seed_file = tmp_path / "seed"
    seed_file.write_text(f"# development only\n{SEED.hex()}\n")
    result = run("keys", "new", "--author", author, "--seed-file", seed_file, "--json")
    assert result.exit_code == 0, result.output
    name = json.loads(result.stdout)["name"]
    assert isinstance(name, str)
    return name


@pytest.mark.usefixtures("home")
def test_a_key_is_made_listed_and_exported(tmp_path: Path) -> None:
    assert make_key(tmp_path) == "BW-gaborone"
    listed = json.loads(run("keys", "list", "--json").stdout)["keys"]
    (key,) = listed
    assert (key["name"], key["author"]) == ("BW-gaborone", "BW/gaborone")
    assert run("keys", "export", "BW-gaborone").stdout == f"{key['public_key']}\n"
    vkey = parse_vkey(run("keys", "export", "BW-gaborone", "--vkey").stdout.strip())
    assert (vkey.name, vkey.public_key.hex()) == ("kpledger/BW/gaborone", key["public_key"])


@pytest.mark.usefixtures("home")
def test_a_drawn_key_is_another_one_each_time() -> None:
    for name in ("one", "two"):
        result = run("keys", "new", "--author", "KPCS/chair", "--name", name)
        assert result.exit_code == 0, result.output
    assert run("keys", "export", "one").stdout != run("keys", "export", "two").stdout


@pytest.mark.usefixtures("home")
def test_the_secret_is_shown_only_when_asked_for_and_with_a_warning(tmp_path: Path) -> None:
    name = make_key(tmp_path)
    for arguments in (
        ("keys", "list"),
        ("keys", "export", name),
        ("keys", "export", name, "--vkey"),
    ):
        assert SEED.hex() not in run(*arguments).output
    result = run("keys", "export", name, "--secret")
    assert result.stdout == f"{SEED.hex()}\n"
    assert "can sign as you" in result.stderr


@pytest.mark.usefixtures("home")
def test_a_wrong_passphrase_ends_with_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = make_key(tmp_path)
    monkeypatch.setenv("KPLEDGER_PASSPHRASE", "wrong")
    result = run("keys", "export", name, "--secret")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "wrong passphrase" in result.stderr


@pytest.mark.usefixtures("home")
def test_the_passphrase_may_come_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = make_key(tmp_path)
    monkeypatch.delenv("KPLEDGER_PASSPHRASE")
    (tmp_path / "phrase").write_text("for the tests only\n")
    (tmp_path / "phrase").chmod(0o600)
    result = run("keys", "export", name, "--secret", "--passphrase-file", tmp_path / "phrase")
    assert result.stdout == f"{SEED.hex()}\n"


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("mode", [0o666, 0o640, 0o604, 0o620])
def test_a_passphrase_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "phrase").write_text("for the tests only\n")
    (tmp_path / "phrase").chmod(mode)
    where = ("--passphrase-file", tmp_path / "phrase")
    result = run("keys", "new", "--author", "BW/root", *where)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"others may read it (mode {mode:o})" in result.stderr
    assert f"chmod 600 {tmp_path / 'phrase'}" in result.stderr


@pytest.mark.usefixtures("home")
def test_a_short_passphrase_is_refused_for_a_new_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KPLEDGER_PASSPHRASE", "x")
    result = run("keys", "new", "--author", "BW/root")
    assert (result.exit_code, result.stdout) == (2, "")
    assert (
        "12 characters or more, 5 of them different; this one has 1, of which 1 differ"
        in result.stderr
    )


@pytest.mark.usefixtures("home")
def test_without_a_terminal_nobody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = make_key(tmp_path)
    monkeypatch.delenv("KPLEDGER_PASSPHRASE")
    result = run("keys", "export", name, "--secret")
    assert result.exit_code == 2
    assert "KPLEDGER_PASSPHRASE" in result.stderr


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("author", ["BW", "bwa/gaborone", "BW/Gaborone", "BW/", "KPC/chair", "/"])
def test_what_is_no_author_ends_with_2(author: str) -> None:
    result = run("keys", "new", "--author", author)
    assert result.exit_code == 2
    assert "CODE/AUTHORITY" in result.stderr


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("content", ["", "ab\n", f"{SEED.hex()}\n{SEED.hex()}\n"])
def test_what_is_no_seed_ends_with_2(tmp_path: Path, content: str) -> None:
    (tmp_path / "seed").write_text(content)
    result = run("keys", "new", "--author", "BW/root", "--seed-file", tmp_path / "seed")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --seed-file: ")


def test_a_key_of_the_version_before_is_named_and_rewritten(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KPLEDGER_PASSPHRASE", "correct horse")
    (home / "keys").mkdir(parents=True, mode=0o700)
    file = home / "keys" / "gaborone.key"
    file.write_bytes((VECTORS / "gaborone-v1.key").read_bytes())
    file.chmod(0o600)
    assert "kpledger keys rewrite gaborone" in run("keys", "list").stderr
    assert run("keys", "rewrite", "gaborone").exit_code == 0
    assert run("keys", "list").stderr == ""
    assert run("keys", "export", "gaborone", "--secret").stdout == f"{SEED.hex()}\n"


@pytest.mark.usefixtures("home")
def test_a_key_is_not_overwritten(tmp_path: Path) -> None:
    make_key(tmp_path)
    result = run("keys", "new", "--author", "BW/gaborone")
    assert result.exit_code == 2
    assert "not overwritten" in result.stderr


def test_a_file_that_cannot_be_used_hides_no_other_key(home: Path, tmp_path: Path) -> None:
    make_key(tmp_path)
    for name in ("open", "junk"):
        assert run("keys", "new", "--author", "KPCS/chair", "--name", name).exit_code == 0
    (home / "keys" / "open.key").chmod(0o644)
    (home / "keys" / "junk.key").write_text("junk")
    result = run("keys", "list", "--json")
    listed = json.loads(result.stdout)
    assert (result.exit_code, [key["name"] for key in listed["keys"]]) == (1, ["BW-gaborone"])
    assert len(listed["unusable"]) == 2
    junk, readable = result.stderr.splitlines()
    assert junk.startswith(f"error: {home / 'keys' / 'junk.key'} is not a key file")
    assert readable.startswith(
        f"error: {home / 'keys' / 'open.key'}: others may read it (mode 644)"
    )


def test_a_home_that_cannot_be_looked_into_is_named(home: Path) -> None:
    home.write_text("a file")
    result = run("keys", "list")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: {home / 'keys'} cannot be read: Not a directory\n"


def test_a_home_open_to_others_is_not_used(home: Path, tmp_path: Path) -> None:
    make_key(tmp_path)
    (home / "keys").chmod(0o755)
    result = run("keys", "list")
    assert result.exit_code == 2
    assert f"chmod 700 {home / 'keys'}" in result.stderr


@pytest.mark.usefixtures("home")
def test_an_unreadable_genesis_file_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "genesis.json").write_text("{}")
    for path in (tmp_path / "none.json", tmp_path / "genesis.json"):
        result = run("status", "--node", "http://127.0.0.1:1", "--genesis", path)
        assert result.exit_code == 2, result.output


def test_the_genesis_file_is_looked_for_at_home_and_a_node_is_needed(home: Path) -> None:
    home.mkdir()
    (home / "genesis.json").write_bytes(make_genesis().encoded)
    result = run("status", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {
        "status": "failed",
        "problem": {
            "detail": "0 nodes are named",
            "field": "--node",
            "accepted": "1 to 64 URLs, separated by commas",
        },
    }
    assert "accepted: 1 to 64 URLs" in result.stderr


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "words",
    [
        ("stats", "summary", "--year", "2026", "--format", "csv", "--out"),
        ("stats", "annex3", "--participant", "BW", "--period", "2026Q1", "--json", "--out"),
        ("trace", "BW00000001", "--svg"),
        ("books", "--out"),
    ],
)
def test_no_answer_overwrites_a_file(tmp_path: Path, words: tuple[str, ...]) -> None:
    """It is looked at first: there is no node to ask here."""
    (tmp_path / "there").write_text("kept")
    result = run(*words, tmp_path / "there")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {words[-1]}: {tmp_path / 'there'} exists already")
    assert (tmp_path / "there").read_text() == "kept"
