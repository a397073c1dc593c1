"""The numbers in docs/finality.md are those that majorities of voters come to."""

import re
from hashlib import sha256
from itertools import combinations
from pathlib import Path

import pytest

from kpledger.base.keys import SigningKey
from kpledger.log.certificates import CommitCertificate, certify_commit
from kpledger.log.conviction import Guilt
from kpledger.log.evidence import Fork
from kpledger.log.genesis import MAX_GENESIS_VOTERS
from kpledger.log.judging import judge
from kpledger.log.statements import Electorate, LogEnd, StatementSigner

PAGE = (Path(__file__).parents[4] / "docs" / "finality.md").read_text(encoding="utf-8")
TABLE = [
    tuple(int(cell) for cell in row)
    for row in re.findall(
        r"^\| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", PAGE, flags=re.MULTILINE
    )
]
END = LogEnd(term=3, index=7, head=sha256(b"one side").digest())
OTHER = LogEnd(term=3, index=7, head=sha256(b"the other side").digest())


def signers_of(count: int) -> dict[str, StatementSigner]:
    keys = {f"v{one}": SigningKey.from_seed(sha256(b"%d" % one).digest()) for one in range(count)}
    electorate = Electorate(b"c" * 32, b"f" * 32, {name: keys[name].public_key for name in keys})
    return {name: StatementSigner(electorate, name, keys[name], 1) for name in keys}


def certify(signers: dict[str, StatementSigner], end: LogEnd, by: set[str]) -> CommitCertificate:
    return certify_commit(signers[name].acknowledge(end) for name in by)


def test_table_has_every_number_of_voters() -> None:
    assert [row[0] for row in TABLE] == list(range(1, MAX_GENESIS_VOTERS + 1))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]}-voters")
def test_row_is_what_majorities_come_to(row: tuple[int, ...]) -> None:
    count, majority, common, harmless, crashed = row
    names = sorted(signers := signers_of(count))
    assert signers[names[0]].electorate.majority == majority
    majorities = [set(one) for one in combinations(names, majority)]
    assert min(len(one & other) for one in majorities for other in majorities) == common
    assert harmless == common - 1
    # So many may be silent, and the others are still a majority.
    assert count - crashed == majority


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]}-voters")
def test_so_many_liars_make_two_histories_and_are_convicted(row: tuple[int, ...]) -> None:
    count, majority, common, *_ = row
    names = sorted(signers := signers_of(count))
    electorate = signers[names[0]].electorate
    liars = set(names[:common])
    honest = [name for name in names if name not in liars]
    half = majority - common
    here, there = liars | set(honest[:half]), liars | set(honest[half:])
    both = sorted(
        (certify(signers, END, here), certify(signers, OTHER, there)), key=lambda one: one.head
    )
    conviction = judge(Fork(first=both[0], second=both[1]), electorate)
    assert (conviction.culprits, conviction.guilt) == (tuple(sorted(liars)), Guilt.LIE)
