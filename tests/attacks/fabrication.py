"""What a liar makes up: statements in the names of others, certificates, proofs of terms."""

import secrets
from collections.abc import Iterable

from msgspec.structs import replace
from voices import Majority

from attacks.lying import Liar
from attacks.voting import Founded
from kpledger.base.codec import encode
from kpledger.base.keys import SIGNATURE_BYTES
from kpledger.base.state import lay_over
from kpledger.log.block import BlockKind, decode_block, decode_block_header, encode_block
from kpledger.log.chain import BlockExecutor, seal_block
from kpledger.log.statements import Electorate, LogEnd, StatementSigner
from kpledger.scheme.envelope import decode_envelope
from kpnode.config import load_config
from kpnode.keyring import load_keys
from kpnode.notary.attachment import Attachment, encode_attachment
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Entry,
    EntryKind,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    MessageBody,
    PreVoteReply,
    PreVoteRequest,
    Term,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)


def speak_for(liar: Liar, voter: str, electorate: Electorate | None = None) -> StatementSigner:
    """Sign in the name of a voter, by the liar's own key."""
    signer = liar.signer
    return StatementSigner(electorate or signer.electorate, voter, liar.key, signer.generation)


def voices(network: Founded, electorate: Electorate) -> tuple[StatementSigner, ...]:
    """Sign as all voters by their real keys, on another ledger or under another configuration."""
    by_name = {load_config(node.config).node.name: node for node in network.nodes}
    return tuple(
        StatementSigner(
            electorate,
            voter,
            load_keys(load_config(by_name[voter].config), network.genesis).consensus,
            1,
        )
        for voter in sorted(electorate.keys)
    )


def invent(signers: Iterable[StatementSigner], liar: Liar, term: int, end: LogEnd) -> bytes:
    """Attach all that a leader or candidate of a term would show, as these signers sign it."""
    majority = Majority(tuple(signers))
    return encode_attachment(
        Attachment(
            opening=majority.elect(liar.name, term=term, base=end).encoded,
            term_proof=encode(majority.allow(liar.name, term=term)),
            commit=encode(majority.finalise(end)),
            statement=encode(liar.signer.pre_vote(liar.name, term=term)),
        )
    )


def say_everything(term: int, end: LogEnd, attached: bytes) -> tuple[MessageBody, ...]:
    """Make a message of every kind, of one term, by who has a log with this end."""
    now, index, last = Term(term), Index(end.index), Term(end.term)
    return (
        PreVoteRequest(Term(term + 1), index, last, attached),
        PreVoteReply(now, granted=False, attached=attached),
        PreVoteReply(now, granted=True, attached=attached),
        VoteRequest(now, index, last, transfer=False, attached=attached),
        VoteRequest(now, index, last, transfer=True, attached=attached),
        VoteReply(now, granted=False, attached=attached),
        VoteReply(now, granted=True, attached=attached),
        AppendRequest(now, index, last, (), index, attached),
        AppendReply(now, accepted=False, index=Index(0), attached=attached),
        AppendReply(now, accepted=True, index=index, attached=attached),
        HeartbeatRequest(now, index, 0, attached=attached),
        HeartbeatReply(now, 0, index, attached=attached),
        TimeoutNow(now, attached),
    )


def open_term(term: int, end: LogEnd, payload: bytes) -> AppendRequest:
    """Make the append that opens a term after the end of a log."""
    opening = Entry(Index(end.index + 1), Term(term), EntryKind.NOOP, payload)
    return AppendRequest(Term(term), Index(end.index), Term(end.term), (opening,), opening.index)


def make_rivals(liar: Liar, height: int, events: Iterable[bytes]) -> tuple[bytes, ...]:
    """Seal blocks in the place of one that this leader has just sealed, and upon each other."""
    ledger, staged = liar.machine.ledger, liar.machine._staged
    position = height - ledger.tip.height - 1
    tip = staged[position - 1].tip if position else ledger.tip
    state, time_ms = staged[position].changes.base, staged[position].tip.time_ms
    sealed = []
    for event in events:
        builder = BlockExecutor(ledger.genesis, tip, state, time_ms)
        assert builder.add(decode_envelope(event)) is None
        block = builder.finish(liar.core.term, liar.name, BlockKind.BLOCK)
        sealed.append(seal_block(block, liar.key))
        tip, state = block.tip, lay_over(block.changes.base, block.changes)
    return tuple(sealed)


def make_next(liar: Liar, event: bytes) -> bytes:
    """Seal a block after the end of the liar's log, in its term, whoever leads that."""
    machine = liar.machine
    builder = machine.open_block(machine.top.time_ms)
    assert builder.add(decode_envelope(event)) is None
    return seal_block(builder.finish(liar.core.term, liar.name, BlockKind.BLOCK), liar.key)


def bend(liar: Liar, block: bytes, **changed: object) -> bytes:
    """Sign a block whose header says something else."""
    sealed = decode_block(block)
    header = replace(decode_block_header(sealed.header), **changed)
    return encode_block(header, sealed.events, liar.key)


def noise() -> bytes:
    """Give a signature that nobody made."""
    return secrets.token_bytes(SIGNATURE_BYTES)


def elsewhere(electorate: Electorate, **changed: bytes) -> Electorate:
    """Give the same voters on another ledger, or under another configuration."""
    keys = {"chain": electorate.chain, "config_hash": electorate.config_hash} | changed
    return Electorate(keys["chain"], keys["config_hash"], electorate.keys)
