"""Trouble of the auditor's machine, of a copy or of the line is never a verdict on the ledger.

Every audit here is a process of its own, hindered by the system itself. What was found before the
trouble came stays found.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import plyvel
import pytest
from copied import store, write_copy, write_genesis
from founding import issue, make_certificate, number_of, open_trade

from kpclient.replay.verification import BATCH_BYTES

pytestmark = pytest.mark.slow

KPLEDGER = str(Path(sys.executable).with_name("kpledger"))
BAD_AT = 10
LIMITED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Makes modes of files count for root as well."""


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a place with copies of a ledger, ``good`` and ``bad``, large enough for processes."""
    place = tmp_path_factory.mktemp("copies")
    ledger = open_trade()
    serial = 0
    while sum(len(one) for one in ledger.blocks if isinstance(one, bytes)) < 1.5 * BATCH_BYTES:
        serial += 1
        issue(ledger, make_certificate(number_of("BW", serial)))
    good = [store(block) for block in ledger.blocks]
    bad = [*good[: BAD_AT - 1], good[BAD_AT], *good[BAD_AT:]]
    for name, chain in (("good", good), ("bad", bad)):
        (place / name).mkdir()
        copy = write_copy(place / name, chain)
        with plyvel.DB(str(copy / "ledger")) as database:
            database.compact_range()
    write_genesis(place)
    return place


def run(
    copies: Path, copy: Path, *wrapped_in: str, environment: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Audit a copy, with two processes beside; gives exit code and what was said."""
    words = (KPLEDGER, "audit", "--genesis", copies / "genesis.json", "--copy", copy, "--jobs", "2")
    ended = subprocess.run(
        [*wrapped_in, *map(str, words), "--json"],
        env=os.environ | (environment or {}),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=120,
    )
    return ended.returncode, ended.stdout.decode(), ended.stderr.decode()


def mounted(what: str) -> tuple[str, ...]:
    """Run in a file system of its own, where this was done before."""
    return ("unshare", "--mount", "sh", "-c", f'{what} && exec "$@"', "sh")


def limited(limit: str) -> tuple[str, ...]:
    return ("bash", "-c", f'ulimit {limit}; exec "$@"', "bash")


def full(place: str) -> tuple[str, ...]:
    return mounted(f"mount -t tmpfs -o size=4k none {place}")


AS_NOBODY = (
    *("setpriv", "--reuid=65533", "--clear-groups", "--inh-caps=+dac_override,+dac_read_search"),
    "--ambient-caps=+dac_override,+dac_read_search",
)
"""The system counts the processes of whoever is not root."""
MACHINES = {
    "a full TMPDIR": (full("{place}"), "No space left on device; make room in {place}, or"),
    "few files": (
        limited("-n 9"),
        "Too many open files; raise the limit of open files (ulimit -n)",
    ),
    "few files, and processes to start": (limited("-n 12"), "Too many open files; raise the limit"),
    "one process": (
        (*AS_NOBODY, *limited("-u 1")),
        "Resource temporarily unavailable; end other processes, or raise their limit (ulimit -u)",
    ),
    "two processes": ((*AS_NOBODY, *limited("-u 2")), "Resource temporarily unavailable; end"),
}


@pytest.fixture(scope="module")
def is_root() -> None:
    if subprocess.run([*mounted("true"), "true"], check=False).returncode:
        pytest.skip("only root mounts, and becomes somebody else")


@pytest.mark.usefixtures("is_root")
@pytest.mark.parametrize("name", MACHINES)
def test_trouble_of_the_machine_decides_nothing_and_takes_nothing_back(
    copies: Path, tmp_path: Path, name: str
) -> None:
    wrapped_in, said = MACHINES[name]
    place = tmp_path / "place"
    place.mkdir()
    home = tmp_path / "home"
    words = tuple(word.replace("{place}", str(place)) for word in wrapped_in)
    values = {"TMPDIR": str(place)} if "TMPDIR" in name else {}
    values["KPLEDGER_HOME"] = str(home)
    code, stdout, stderr = run(copies, copies / "good", *words, environment=values)
    report = json.loads(stdout)
    assert (code, report["verdict"], stderr) == (2, "UNDECIDED", ""), report
    assert said.format(place=place) in report["problem"]
    code, stdout, _ = run(copies, copies / "bad", *words, environment=values)
    found = json.loads(stdout)
    assert (code, found["verdict"]) in {(1, "VIOLATION"), (2, "UNDECIDED")}
    if report["height"] >= BAD_AT:
        assert found["first_bad_height"] == BAD_AT


@pytest.mark.usefixtures("is_root")
@pytest.mark.parametrize(
    ("wrapped_in", "named"),
    [
        (mounted("mount -t tmpfs -o ro none /dev/shm"), "place"),
        (full("/dev/shm"), "place"),  # noqa: S108
        ((), "d" * 100),
    ],
    ids=["a read-only /dev/shm", "a full /dev/shm", "a long TMPDIR"],
)
def test_processes_need_nothing_but_pipes(
    copies: Path, tmp_path: Path, wrapped_in: tuple[str, ...], named: str
) -> None:
    (tmp_path / named).mkdir()
    values = {"TMPDIR": str(tmp_path / named)}
    for copy, expected in (("good", 0), ("bad", 1)):
        assert run(copies, copies / copy, *wrapped_in, environment=values)[0] == expected


@pytest.mark.parametrize(
    "limit",
    [f"-d {kib}" for kib in (20_000, 60_000)] + [f"-v {kib}000" for kib in range(88, 121, 4)],
)
def test_too_little_memory_is_no_violation_and_ends_soon(copies: Path, limit: str) -> None:
    """How much is too little, and where it shows, depends on the machine."""
    code, stdout, stderr = run(copies, copies / "good", *limited(limit))
    assert code in {0, 2, 70}
    assert "VIOLATION" not in stdout
    assert "Traceback" not in stderr
    if code == 2 and stdout:
        assert "free memory, or raise its limit" in json.loads(stdout)["problem"]


@pytest.mark.parametrize("what", [">&-", ">/dev/full", "<&- >&- 2>&-", "| true"])
@pytest.mark.parametrize("copy", ["good", "bad"])
def test_a_verdict_that_nobody_hears_is_none(copies: Path, what: str, copy: str) -> None:
    line = f'"$@" {what}; exit ${{PIPESTATUS[0]}}'
    code, stdout, stderr = run(copies, copies / copy, "bash", "-c", line, "bash")
    assert (code, stdout) == (141 if "|" in what else 2, "")
    assert "Traceback" not in stderr


@pytest.mark.parametrize("what", ["2>&-", "2>/dev/full", "<&-"])
def test_a_verdict_is_the_same_where_troubles_are_not_heard(copies: Path, what: str) -> None:
    for copy, expected in (("good", 0), ("bad", 1)):
        line = f'"$@" {what}'
        assert run(copies, copies / copy, "bash", "-c", line, "bash")[0] == expected


@pytest.mark.parametrize("name", ["*.ldb", "*.log", "MANIFEST-*", "CURRENT", ".", ".."])
def test_what_may_not_be_read_decides_nothing(copies: Path, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(copies / "bad", copy)
    database = copy / "ledger"
    file = {".": database, "..": copy}.get(name) or next(database.glob(name))
    file.chmod(0)
    try:
        code, stdout, _ = run(copies, copy, *(LIMITED if os.geteuid() == 0 else ()))
    finally:
        file.chmod(0o700)
    report = json.loads(stdout)
    assert (code, report["verdict"]) == (2, "UNDECIDED")
    assert "cannot be read: Permission denied; copy the whole directory again" in report["problem"]


def test_a_genesis_file_that_may_not_be_read_decides_nothing(copies: Path, tmp_path: Path) -> None:
    place = Path(shutil.copy(copies / "genesis.json", tmp_path)).parent
    (place / "genesis.json").chmod(0)
    wrapped_in = LIMITED if os.geteuid() == 0 else ()
    code, stdout, _ = run(place, copies / "bad", *wrapped_in)
    assert (code, json.loads(stdout)["verdict"]) == (2, "UNDECIDED")


def test_a_database_that_a_node_has_open_is_read_and_not_touched(copies: Path) -> None:
    with plyvel.DB(str(copies / "good" / "ledger")):
        assert run(copies, copies / "good")[0] == 0


@pytest.mark.parametrize(
    ("module", "code", "said"),
    [
        ("raise ImportError('libleveldb.so.1')", 2, "cannot be loaded: libleveldb.so.1"),
        ("raise ImportError('x')", 2, "pip install '.["),
        ("raise ModuleNotFoundError('x', name='plyvel')", 2, "and libleveldb-dev"),
        ("raise OSError(24, 'Too many open files')", 2, "Too many open files"),
        ("raise MemoryError", 2, "this machine hinders the program: no memory"),
        ("raise RuntimeError('unforeseen')", 70, "RuntimeError('unforeseen')"),
    ],
)
@pytest.mark.parametrize("program", ["kpledger", "kpnode"])
def test_a_program_that_cannot_be_loaded_says_so_and_gives_no_verdict(
    tmp_path: Path, program: str, module: str, code: int, said: str
) -> None:
    (tmp_path / "typer.py").write_text(module)
    ended = subprocess.run(
        [Path(KPLEDGER).with_name(program), "--version"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert ended.returncode == code
    assert (ended.stdout, ended.stderr.count(b"\n"), said in ended.stderr.decode()) == (
        b"",
        1,
        True,
    )
