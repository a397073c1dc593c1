"""What a node has sealed has to begin with what was seen sealed before, at every first contact."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from cosigned import roots_over, seal
from founding import VOTERS, make_event, make_genesis
from scripted_node import Script, served
from typer.testing import CliRunner, Result

from kpclient.cli import app
from kpclient.net.checkpoints import CheckpointMemory, SplitViewError
from kpclient.seen import Memory
from kpledger.api.answers import ConsistencyAnswer
from kpledger.base.errors import LedgerError
from kpledger.log.judging import judge
from kpledger.log.merkle import TreeSize, prove_consistency
from kpledger.log.policy import PolicyError
from kpledger.log.statements import Electorate
from kpledger.scheme.v1.events.life import NoteFiled

GENESIS = make_genesis()
NOTE = NoteFiled(text="Seen.", references=(), document=None)
ENTRIES = [make_event("BW/root", NOTE, subject="BW", nonce=number) for number in range(9)]
FORKED = [*ENTRIES[:3], *ENTRIES[4:], ENTRIES[3]]


def _answer(
    old: int, entries: Sequence[bytes], cosigners: Sequence[str] = VOTERS
) -> ConsistencyAnswer:
    """Answer as a node does that has these entries, all sealed."""
    size, path = len(entries), None
    if old <= size:
        proof = prove_consistency(roots_over(entries), TreeSize(old), TreeSize(size)) if old else ()
        path = tuple(one.hex() for one in proof)
    return ConsistencyAnswer(path=path, checkpoint=seal(GENESIS, entries, cosigners).decode())


class Kept:
    """What is remembered, and the memory that keeps it."""

    def __init__(self, remembered: Sequence[bytes] = ()) -> None:
        note = seal(GENESIS, remembered, VOTERS) if remembered else None
        self.sizes: list[int] = []
        self.memory = CheckpointMemory(GENESIS, note, keep=lambda _, size: self.sizes.append(size))


def test_first_checkpoint_is_kept_and_larger_ones_take_its_place() -> None:
    kept = Kept()
    assert kept.memory.question == "/v1/proofs/consistency?from=0"
    kept.memory.take("a", _answer(0, ENTRIES[:4]))
    assert kept.memory.question == "/v1/proofs/consistency?from=4"
    kept.memory.take("b", _answer(4, ENTRIES))
    kept.memory.take("b", _answer(9, ENTRIES))
    assert kept.sizes == [4, 9]


def test_node_that_is_behind_shows_nothing_wrong() -> None:
    kept = Kept(ENTRIES)
    kept.memory.take("a", _answer(9, ENTRIES[:4]))
    assert (kept.sizes, kept.memory.question[-1]) == ([], "9")


@pytest.mark.parametrize(
    ("seen", "shown"),
    [(ENTRIES[:5], FORKED), (ENTRIES[:5], FORKED[:5]), (FORKED[:5], ENTRIES[:5])],
    ids=["longer", "of one size", "of one size, the other way round"],
)
def test_other_history_is_a_split_view_and_who_signed_both_is_convicted(
    seen: Sequence[bytes], shown: Sequence[bytes]
) -> None:
    kept = Kept(seen)
    with pytest.raises(SplitViewError, match="5 events under root") as caught:
        kept.memory.take("http://liar", _answer(5, shown))
    assert str(caught.value).startswith("http://liar shows a sealed checkpoint of")
    conviction = judge(caught.value.evidence, Electorate.of(GENESIS))
    assert conviction.culprits == ("bw-1", "eu-1", "za-1")
    assert (kept.sizes, kept.memory.question[-1]) == ([], "5")


def test_proof_that_leads_nowhere_is_refused_and_accuses_nobody() -> None:
    kept, good = Kept(ENTRIES[:5]), _answer(5, ENTRIES)
    assert good.path is not None
    for path in ((), good.path[:-1], good.path[::-1], ("00" * 32, *good.path[1:])):
        with pytest.raises(LedgerError):
            kept.memory.take("a", ConsistencyAnswer(path=path, checkpoint=good.checkpoint))
    assert kept.sizes == []


def test_checkpoint_that_is_not_sealed_is_refused() -> None:
    with pytest.raises(PolicyError, match="cosigned by 2 of the 3"):
        Kept().memory.take("a", _answer(0, ENTRIES, VOTERS[:2]))


def test_what_is_remembered_and_does_not_hold_counts_for_nothing() -> None:
    for note in (b"", b"damaged", seal(GENESIS, ENTRIES, VOTERS[:1])):
        memory = CheckpointMemory(GENESIS, note, keep=lambda *_: None)
        assert memory.question == "/v1/proofs/consistency?from=0"


def _status(directory: Path, script: Script) -> Result:
    """Ask a scripted node how it is, with a home of one's own."""
    (directory / "genesis.json").write_bytes(GENESIS.encoded)
    script.answers["GET /v1/genesis"] = GENESIS.encoded

    async def ask() -> Result:
        async with served(script) as url:
            pinned = ["--genesis", str(directory / "genesis.json"), "--home", str(directory)]
            words = ["status", "--node", url, "--timeout", "3", *pinned]
            return await asyncio.to_thread(CliRunner().invoke, app, words)

    return asyncio.run(ask())


def _memory(directory: Path) -> Memory:
    return Memory(directory / "seen", GENESIS.chain)


PROOF = "GET /v1/proofs/consistency"


def test_command_remembers_what_was_sealed_and_refuses_another_history(tmp_path: Path) -> None:
    good = Script({PROOF: _answer(0, ENTRIES[:5])})
    assert _status(tmp_path, good).exit_code == 0
    sealed = _memory(tmp_path).load_sealed()
    assert sealed is not None
    assert sealed.size == 5
    more = Script({PROOF: _answer(5, ENTRIES)})
    assert _status(tmp_path, more).exit_code == 0
    assert [query for query in more.queries if query] == ["from=5"]
    refused = _status(tmp_path, Script({PROOF: _answer(9, FORKED)}))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "voters have signed two histories of this ledger" in refused.stderr
    (file,) = (tmp_path / "seen").glob("*.E10-*.json")
    assert f"kpledger evidence verify {file}" in refused.stderr
    told = CliRunner().invoke(
        app, ["evidence", "verify", str(file), "--genesis", str(tmp_path / "genesis.json")]
    )
    assert told.exit_code == 0, told.output
    # What was seen first stays, until a person has it forgotten.
    root = _memory(tmp_path).load_sealed()
    assert root is not None
    assert root.size == 9
    pinned = ["--genesis", str(tmp_path / "genesis.json"), "--home", str(tmp_path)]
    assert root.root.hex() in CliRunner().invoke(app, ["seen", "list", *pinned]).stdout
    done = CliRunner().invoke(app, ["seen", "forget", root.root.hex(), *pinned])
    assert done.exit_code == 0, done.output
    assert _status(tmp_path, Script({PROOF: _answer(0, FORKED)})).exit_code == 0


@pytest.mark.parametrize("answer", [b"", b"{}", b"no json", {"path": None}])
def test_node_that_cannot_answer_is_used_all_the_same(tmp_path: Path, answer: object) -> None:
    assert _status(tmp_path, Script({PROOF: answer})).exit_code == 0


def test_node_whose_proof_does_not_hold_is_not_used(tmp_path: Path) -> None:
    result = _status(tmp_path, Script({PROOF: _answer(0, ENTRIES, VOTERS[:2])}))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the checkpoint that it shows does not hold: the checkpoint is cosigned by 2" in (
        result.stderr
    )
