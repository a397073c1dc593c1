"""What is proven becomes the ledger; what a majority has signed and no rule allows does not."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from electing import finalise, open_signed_trade, open_voted_term
from founding import MemoryLedger, make_genesis, opening_events, signing_key, vary

from kpledger.base.hashing import sha256
from kpledger.log.block import compute_head, decode_block, decode_block_header, encode_block
from kpledger.log.certificates import CommitCertificate
from kpledger.log.layout import StoredEntry, encode_stored_entry
from kpledger.log.statements import LogEnd
from kpnode.docket import ForkedError
from kpnode.ledger import Ledger
from kpnode.replica.applying import Applier, CertifiedError
from kpnode.storage.leveldb import LevelStorage


@contextmanager
def applying(directory: Path) -> Iterator[tuple[Applier, Ledger]]:
    genesis = make_genesis()
    with closing(LevelStorage(directory, chain=genesis.chain, create=True)) as storage:
        ledger = Ledger(genesis, storage)
        yield Applier(genesis, storage, ledger), ledger


def catch_up(applier: Applier, ledger: Ledger, source: MemoryLedger) -> None:
    applier.learn([finalise(source.tip.end)])
    first = applier.backlog.height
    applier.take(list(enumerate(source.entries[first:], first + 1)))
    while window := applier.read_window(ledger.tip.height + 1):
        applier.execute(window)


def two_terms() -> MemoryLedger:
    source = open_signed_trade()
    open_voted_term(source, 3, "eu-1")
    return source


def test_ledger_is_that_of_the_source_and_shows_its_certificates(tmp_path: Path) -> None:
    source = open_signed_trade()
    with applying(tmp_path / "ledger") as (applier, ledger):
        catch_up(applier, ledger, source)
        first = finalise(source.tip.end)
        open_voted_term(source, 3, "eu-1")
        catch_up(applier, ledger, source)
        assert (ledger.tip.end, ledger.tip.digest) == (source.tip.end, source.tip.digest)
        assert ledger.commits(0, 10) == (first, finalise(source.tip.end))
        assert ledger.final_height == source.tip.height


def test_certificate_of_an_earlier_term_is_kept_when_it_comes_later(tmp_path: Path) -> None:
    source = two_terms()
    with applying(tmp_path / "ledger") as (applier, ledger):
        catch_up(applier, ledger, source)
        earlier = finalise(open_signed_trade().tip.end)
        applier.learn([earlier])
        assert ledger.commits(0, 10)[0] == earlier


def forged(source: MemoryLedger) -> tuple[bytes, CommitCertificate]:
    """Give a block that says another state than its events make, and a majority's word for it."""
    sealed, executed = source.seal(opening_events("BW/maun", first=False)[0])
    block = decode_block(sealed)
    header = decode_block_header(block.header)
    wrong = vary(header, state_digest=sha256(b"another state"))
    payload = encode_block(wrong, block.events, signing_key("bw-1/consensus"))
    entry = StoredEntry(kind=1, term=header.term, payload=payload)
    head = compute_head(decode_block(payload).header)
    end = LogEnd(term=header.term, index=executed.tip.height, head=head)
    return encode_stored_entry(entry), finalise(end)


def test_certified_block_that_breaks_a_rule_is_not_taken_in(tmp_path: Path) -> None:
    source = open_signed_trade()
    with applying(tmp_path / "ledger") as (applier, ledger):
        catch_up(applier, ledger, source)
        stored, certificate = forged(source)
        applier.learn([certificate])
        applier.take([(certificate.index, stored)])
        window = applier.read_window(ledger.tip.height + 1)
        with pytest.raises(CertifiedError, match=r"which breaks a rule.*state_digest"):
            applier.execute(window)
        assert ledger.tip.end == source.tip.end


def test_certificate_of_another_block_is_a_fork(tmp_path: Path) -> None:
    source = open_signed_trade()
    with applying(tmp_path / "ledger") as (applier, ledger):
        catch_up(applier, ledger, source)
        other = vary(source.tip.end, head=bytes(32))
        with pytest.raises(ForkedError):
            applier.learn([finalise(other)])
        assert [one.conviction.kind for one in applier.exhibits] == ["E8"]
        with pytest.raises(ForkedError):
            applier.learn([])
