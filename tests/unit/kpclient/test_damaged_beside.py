"""What stands beside the blocks of a copy is damaged: no verdict rests on what was not read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import plyvel
import pytest
from copied import write_copy, write_genesis
from electing import finalise
from founding import vary
from parted import COMMON, begin, go_on, go_on_elsewhere, stretch
from typer.testing import CliRunner

from kpclient.cli import app
from kpledger.base.codec import encode
from kpledger.log import layout
from kpledger.log.certificates import MAX_CERTIFICATE_BYTES
from kpledger.log.evidence_file import encode_evidence, evidence_id
from kpledger.log.findings import find_fork
from kpledger.log.statements import Electorate

OURS, THEIRS = go_on(2), go_on_elsewhere(2)
FINAL, OTHER = finalise(OURS.tip.end), finalise(THEIRS.tip.end, voters=("eu-1", "za-1"))
FIRST, SECOND = layout.certificate_key(1), layout.certificate_key(2)
FORKED: Final = f"FORK: from block {COMMON + 1} on there is more than one history"
DAMAGED: Final = {
    "empty": b"",
    "cut": encode(OTHER)[:-1],
    "longer": encode(OTHER) + b"\0",
    "zeros": bytes(200),
    "huge": bytes(MAX_CERTIFICATE_BYTES + 1),
}


def audit(place: Path, *copies: Path) -> tuple[int, str]:
    """Run the command on copies; gives its exit code and the first line of its answer."""
    typed = ["audit", "--genesis", str(write_genesis(place)), "--home", str(place)]
    options = [word for one in copies for word in ("--copy", str(one))]
    result = CliRunner().invoke(app, [*typed, *options])
    return result.exit_code, result.stdout.partition("\n")[0]


def change(copy: Path, records: Mapping[bytes, bytes]) -> Path:
    with plyvel.DB(str(copy / layout.DATABASE_DIRECTORY), compression=None) as database:
        for key, value in records.items():
            database.put(key, value)
    return copy


def write_both(place: Path) -> tuple[Path, Path]:
    """Write copies of two histories, the second one with no certificate where they differ."""
    for name in ("ours", "theirs"):
        (place / name).mkdir()
    ours = write_copy(place / "ours", OURS.entries, [FINAL])
    return ours, write_copy(place / "theirs", THEIRS.entries)


@pytest.mark.parametrize("damaged", DAMAGED.values(), ids=DAMAGED)
def test_end_whose_certificate_cannot_be_read_is_not_called_unfinished(
    tmp_path: Path, damaged: bytes
) -> None:
    ours, theirs = write_both(tmp_path)
    assert audit(tmp_path, ours, theirs)[0] == 0
    change(theirs, {SECOND: damaged})
    code, said = audit(tmp_path, ours, theirs)
    assert (code, said.partition(":")[0]) == (2, "UNDECIDED")


def test_copy_of_the_same_history_that_is_damaged_beside_it_decides_nothing(tmp_path: Path) -> None:
    ours, theirs = write_both(tmp_path)
    assert audit(tmp_path, ours, ours)[0] == 0
    change(ours, {SECOND: b""})
    said = (2, "UNDECIDED: not everything could be had")
    assert audit(tmp_path, ours, ours) == said
    assert audit(tmp_path, theirs, ours)[0] == 2


def test_certificate_is_found_behind_one_that_is_damaged(tmp_path: Path) -> None:
    ours, theirs = write_both(tmp_path)
    for damaged in (b"", bytes(MAX_CERTIFICATE_BYTES + 1)):
        change(theirs, {FIRST: damaged, SECOND: encode(OTHER)})
        code, said = audit(tmp_path, ours, theirs)
        assert (code, said) == (1, FORKED)


def test_proof_of_a_fork_is_found_beside_what_is_damaged(tmp_path: Path) -> None:
    ours, _ = write_both(tmp_path)
    here, there = stretch(OURS, FINAL), stretch(THEIRS, OTHER)
    openings = tuple(there.openings())
    electorate = Electorate.of(OURS.genesis)
    fork = find_fork(electorate, FINAL, OTHER, shown=there.shown, openings=openings)
    assert fork is not None
    assert here.shown[0] != there.shown[0]
    encoded = encode_evidence(fork)
    proof = {layout.evidence_key(evidence_id(encoded)): encoded}
    change(ours, {SECOND: b"", layout.evidence_key(bytes(32)): b"", **proof})
    code, said = audit(tmp_path, ours, ours)
    assert code == 1
    assert said.startswith("FORK: it is proven that there is more than one history")
    unproven = encoded.replace(FINAL.by[0].signature, bytes(64))
    change(ours, {SECOND: encode(FINAL), layout.evidence_key(bytes(32)): unproven})
    with plyvel.DB(str(ours / layout.DATABASE_DIRECTORY)) as database:
        database.delete(*proof)
    code, said = audit(tmp_path, ours, ours)
    assert (code, said.partition(":")[0]) == (2, "UNDECIDED")


def test_one_copy_that_contradicts_a_majority_does_so_beside_what_is_damaged(
    tmp_path: Path,
) -> None:
    forged = vary(FINAL, by=(vary(FINAL.by[0], generation=2), *FINAL.by[1:]))
    copy = write_copy(tmp_path, OURS.entries)
    for damaged in (b"", encode(forged)):
        change(copy, {FIRST: damaged, SECOND: encode(finalise(begin().tip.end))})
        assert audit(tmp_path, copy)[0] == 2
        change(copy, {SECOND: encode(OTHER)})
        assert audit(tmp_path, copy)[0] == 1


@pytest.mark.parametrize("found", [b"", b"\x03", b"\x02\x00", b"\x82"])
def test_format_that_is_not_known_decides_nothing(tmp_path: Path, found: bytes) -> None:
    ours, theirs = write_both(tmp_path)
    change(ours, {layout.FORMAT_KEY: found})
    code, said = audit(tmp_path, ours)
    assert code == 2
    assert "the format record is missing or unknown" in said
    assert audit(tmp_path, ours, ours)[0] == 2
    # The blocks that could be read count, also the last ones.
    change(theirs, {SECOND: encode(OTHER)})
    code, said = audit(tmp_path, ours, theirs)
    assert (code, said) == (1, FORKED)


def test_copy_of_which_a_block_is_missing_decides_nothing(tmp_path: Path) -> None:
    ours, _ = write_both(tmp_path)
    (tmp_path / "begun").mkdir()
    begun = write_copy(tmp_path / "begun", begin().entries)
    assert audit(tmp_path, ours, begun)[0] == 0
    with plyvel.DB(str(begun / layout.DATABASE_DIRECTORY), compression=None) as database:
        database.delete(layout.block_key(COMMON - 1))
    assert audit(tmp_path, ours, begun) == (2, "UNDECIDED: not everything could be had")
