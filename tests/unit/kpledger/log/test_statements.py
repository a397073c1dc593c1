"""A statement of a voter is its own, word for word, and on one ledger alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest
from electing import signer_of
from founding import VOTERS, make_genesis, make_genesis_file, signing_key, vary
from hypothesis import given, strategies as st

from kpledger.base.codec import decode, encode
from kpledger.base.errors import BadSignatureError, LedgerError
from kpledger.log.genesis import format_genesis, parse_genesis
from kpledger.log.statements import (
    MAX_STATEMENT_BYTES,
    Acknowledgement,
    Electorate,
    LogEnd,
    Nomination,
    PreVote,
    StatementSigner,
    UnknownVoterError,
    Vote,
    VoterStatement,
    verifies,
    verify_statement,
)

ELECTORATE: Final = Electorate.of(make_genesis())
SIGNER: Final = signer_of("bw-1", generation=3)
END: Final = LogEnd(term=2, index=7, head=b"\x07" * 32)
OWN: Final = LogEnd(term=1, index=5, head=b"\x05" * 32)
STATEMENTS: Final[tuple[VoterStatement, ...]] = (
    SIGNER.acknowledge(END),
    SIGNER.vote("eu-1", term=4, candidate_end=END, voter_end=OWN),
    SIGNER.pre_vote("eu-1", term=4),
    SIGNER.nominate("eu-1", term=4),
)
each_statement = pytest.mark.parametrize(
    "statement", STATEMENTS, ids=lambda one: type(one).__name__
)


def fixed(number: int, size: int = 8) -> bytes:
    return number.to_bytes(size, "big")


def key_of(voter: str) -> bytes:
    return signing_key(f"{voter}/consensus").public_key


def common(tag: bytes, term: int) -> bytes:
    genesis = make_genesis()
    return tag + b"\0" + genesis.chain + fixed(0, 4) + genesis.config_hash + fixed(term)


PREIMAGES: Final = (
    common(b"kpledger/acknowledgement/v1", 2) + fixed(7) + b"\x07" * 32 + fixed(3, 4),
    common(b"kpledger/vote/v1", 4)
    + key_of("eu-1")
    + (fixed(2) + fixed(7) + b"\x07" * 32)
    + (fixed(1) + fixed(5) + b"\x05" * 32)
    + fixed(3, 4),
    common(b"kpledger/pre-vote/v1", 4) + key_of("eu-1") + fixed(3, 4),
    common(b"kpledger/nomination/v1", 4) + key_of("eu-1") + fixed(3, 4),
)


@pytest.mark.parametrize(("statement", "preimage"), [*zip(STATEMENTS, PREIMAGES, strict=True)])
def test_what_is_signed_is_a_tag_and_fields_of_fixed_width(
    statement: VoterStatement, preimage: bytes
) -> None:
    assert statement.preimage(ELECTORATE) == preimage
    assert statement.signature == signing_key("bw-1/consensus").sign(preimage)


@each_statement
def test_statement_is_its_voters(statement: VoterStatement) -> None:
    verify_statement(statement, ELECTORATE)


@each_statement
def test_statement_comes_back_from_its_bytes(statement: VoterStatement) -> None:
    encoded = encode(statement)
    assert len(encoded) < MAX_STATEMENT_BYTES // 2
    found = decode(encoded, type(statement), what="statement", max_bytes=MAX_STATEMENT_BYTES)
    assert found == statement


def flip(value: object, bit: int) -> object:
    """Flip one bit of a field: of a number, of bytes, or of one of the fields inside."""
    match value:
        case int():
            return value ^ (1 << bit % 32)
        case bytes():
            changed = bytearray(value)
            changed[bit // 8 % len(value)] ^= 1 << bit % 8
            return bytes(changed)
        case LogEnd():
            fields = value.__struct_fields__
            name = fields[bit % len(fields)]
            return vary(value, **{name: flip(getattr(value, name), bit // len(fields))})
        case str():
            others = [voter for voter in VOTERS if voter != value]
            return others[bit % len(others)]
    raise TypeError(value)


@each_statement
@given(data=st.data(), bit=st.integers(0, 1023))
def test_no_bit_of_a_statement_can_be_changed(
    statement: VoterStatement, data: st.DataObject, bit: int
) -> None:
    name = data.draw(st.sampled_from(statement.__struct_fields__))
    changed = vary(statement, **{name: flip(getattr(statement, name), bit)})
    with pytest.raises(BadSignatureError):
        verify_statement(changed, ELECTORATE)


@each_statement
@pytest.mark.parametrize(
    "other",
    [replace(ELECTORATE, chain=b"\xee" * 32), replace(ELECTORATE, config_hash=b"\xee" * 32)],
    ids=["ledger", "voters"],
)
def test_statement_of_another_ledger_or_among_other_voters_is_refused(
    statement: VoterStatement, other: Electorate
) -> None:
    """Its voters may have the very same names and keys."""
    with pytest.raises(BadSignatureError):
        verify_statement(statement, other)


@each_statement
def test_statement_of_another_era_is_refused(statement: VoterStatement) -> None:
    preimage = bytearray(statement.preimage(ELECTORATE))
    preimage[preimage.index(b"\0") + 1 + 32 + 3] = 1
    recovered = vary(statement, signature=SIGNER.key.sign(bytes(preimage)))
    with pytest.raises(BadSignatureError):
        verify_statement(recovered, ELECTORATE)


def test_a_signature_counts_for_its_own_kind_alone() -> None:
    """A pre-vote and a nomination have the same fields, and do not stand for each other."""
    nominated = SIGNER.nominate("eu-1", term=4)
    pre_vote = PreVote(
        voter="bw-1", term=4, candidate="eu-1", generation=3, signature=nominated.signature
    )
    with pytest.raises(BadSignatureError, match="the prevote of bw-1 in term 4"):
        verify_statement(pre_vote, ELECTORATE)


@each_statement
def test_statement_of_a_node_that_does_not_vote_is_refused(statement: VoterStatement) -> None:
    with pytest.raises(UnknownVoterError, match="'in-1' is not a voter"):
        verify_statement(vary(statement, voter="in-1"), ELECTORATE)


@pytest.mark.parametrize(
    "say",
    [
        lambda one: SIGNER.vote(one, term=4, candidate_end=END, voter_end=OWN),
        lambda one: SIGNER.pre_vote(one, term=4),
        lambda one: SIGNER.nominate(one, term=4),
    ],
)
def test_nothing_is_signed_for_a_candidate_that_does_not_vote(
    say: Callable[[str], VoterStatement],
) -> None:
    with pytest.raises(UnknownVoterError, match="'in-1' is not a voter"):
        say("in-1")


@pytest.mark.parametrize("statement", STATEMENTS[1:])
def test_statement_about_a_node_that_does_not_vote_is_refused(
    statement: Vote | PreVote | Nomination,
) -> None:
    with pytest.raises(UnknownVoterError, match="'in-1' is not a voter"):
        verify_statement(vary(statement, candidate="in-1"), ELECTORATE)


def test_whoever_verifies_elsewhere_is_asked() -> None:
    asked: list[tuple[bytes, bytes, bytes]] = []

    def check(key: bytes, message: bytes, signature: bytes) -> bool:
        asked.append((key, message, signature))
        return True

    statement = vary(STATEMENTS[0], signature=bytes(64))
    verify_statement(statement, ELECTORATE, check)
    assert asked == [(key_of("bw-1"), PREIMAGES[0], bytes(64))]


def test_a_signature_verifies_or_not() -> None:
    key = signing_key("bw-1/consensus")
    signature = key.sign(b"words")
    assert verifies(key.public_key, b"words", signature)
    assert not verifies(key.public_key, b"other words", signature)


@pytest.mark.parametrize(
    "changes",
    [
        {"generation": 0},
        {"generation": 2**32},
        {"term": -1},
        {"term": 2**53},
        {"index": -1},
        {"head": bytes(31)},
        {"signature": bytes(63)},
        {"voter": ""},
    ],
)
def test_statement_out_of_its_bounds_is_not_read(changes: dict[str, object]) -> None:
    encoded = encode(vary(STATEMENTS[0], **changes))
    with pytest.raises(LedgerError):
        decode(encoded, Acknowledgement, what="acknowledgement", max_bytes=MAX_STATEMENT_BYTES)


def test_an_electorate_is_that_of_the_genesis_file() -> None:
    genesis = make_genesis()
    assert genesis.chain == ELECTORATE.chain
    assert genesis.config_hash == ELECTORATE.config_hash
    assert {voter: key_of(voter) for voter in VOTERS} == ELECTORATE.keys


def test_more_than_half_of_the_voters_decide() -> None:
    names = [f"za-{number}" for number in range(1, 10)]
    sizes = []
    for count in range(1, 10):
        file = make_genesis_file(nodes=names, voters=names[:count])
        sizes.append(Electorate.of(parse_genesis(format_genesis(file))).majority)
    assert sizes == [1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_logs_are_compared_by_term_first() -> None:
    assert LogEnd(term=3, index=1, head=bytes(32)).place > END.place
    assert vary(END, index=8).place > END.place


def test_signer_says_from_which_start_of_its_storage_it_speaks() -> None:
    later = StatementSigner(ELECTORATE, "bw-1", SIGNER.key, 4)
    assert later.acknowledge(END).generation == 4
    assert later.acknowledge(END).signature != STATEMENTS[0].signature


def test_who_signs_can_have_it_noted() -> None:
    noted: list[tuple[bytes, bytes, bytes]] = []
    signer = replace(SIGNER, note=lambda *what: noted.append(what))
    said = signer.acknowledge(END)
    assert noted == [(key_of("bw-1"), said.preimage(ELECTORATE), said.signature)]
