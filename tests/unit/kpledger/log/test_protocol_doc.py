"""The worked example of docs/protocol.md is made byte for byte by the code."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import msgspec
from cosigned import receive, seal
from electing import elect, finalise, signer_of
from founding import make_event, make_genesis_file, signing_key, vary
from msgspec import inspect

from kpledger.api.address_record import AddressRecord
from kpledger.api.gossip import GossipMessage, Rumour
from kpledger.base.codec import encode
from kpledger.base.hashing import hash_leaf
from kpledger.base.keys import verify_signature
from kpledger.base.state import MemoryState, Record
from kpledger.log.block import (
    MAX_BLOCK_BYTES,
    MAX_BLOCK_EVENTS,
    BlockHeader,
    BlockKind,
    SealedBlock,
    block_preimage,
    compute_head,
    decode_block,
)
from kpledger.log.certificates import (
    MAX_CERTIFICATE_BYTES,
    MAX_OPENING_BYTES,
    MAX_TERM_PROOF_BYTES,
    CertifiedBy,
    CommitCertificate,
    TermProof,
)
from kpledger.log.chain import (
    BlockExecutor,
    ExecutedBlock,
    execute_entry,
    execute_noop,
    genesis_tip,
    seal_block,
)
from kpledger.log.evidence import AnyStatement, DoubleAcknowledgement, Evidence
from kpledger.log.evidence_file import (
    MAX_EVIDENCE_BYTES,
    encode_evidence,
    evidence_id,
    format_evidence,
)
from kpledger.log.genesis import (
    MAX_GENESIS_BYTES,
    MAX_GENESIS_VOTERS,
    Genesis,
    GenesisFile,
    format_genesis,
    parse_genesis,
)
from kpledger.log.layout import StoredEntry, block_key, encode_stored_entry
from kpledger.log.path import ShownHeader
from kpledger.log.policy import format_policy, policy_of
from kpledger.log.receipt import format_receipt
from kpledger.log.statements import (
    MAX_STATEMENT_BYTES,
    Acknowledgement,
    Electorate,
    LogEnd,
    Nomination,
    PreVote,
    StatementSigner,
    Vote,
)
from kpledger.scheme.envelope import (
    MAX_ENVELOPE_BYTES,
    MAX_ENVELOPE_JSON_BYTES,
    Envelope,
    decode_envelope,
    encode_pae,
)
from kpledger.scheme.event import (
    MAX_EVENT_BYTES,
    MAX_SIGNATURES,
    Author,
    Body,
    EventHeader,
    EventSignature,
)
from kpledger.scheme.v1.catalogue import CATALOGUE
from kpledger.scheme.v1.events.governance import AuthorityRegistered, AuthorityRole
from kpledger.scheme.v1.rules.governance import MAX_KEYS, MAX_OFFICES
from kpledger.scheme.v1.rules.numbering import MAX_RANGES

PAGE = Path(__file__).parents[4] / "docs" / "protocol.md"
TIME_MS = 1_767_225_660_000


def _genesis_file() -> GenesisFile:
    file = make_genesis_file(nodes=("bw-1",), voters=("bw-1",))
    return vary(file, participants=file.participants[:3])


def _event(genesis: Genesis) -> bytes:
    body = AuthorityRegistered(
        authority="gaborone",
        title="Diamond Office",
        place="Gaborone",
        roles=(AuthorityRole.EXPORTING, AuthorityRole.IMPORTING),
        contact="",
    )
    return make_event(
        "BW/root",
        body,
        signers=("BW/root", "KPCS/chair"),
        occurred_at=TIME_MS - 1_000,
        chain=genesis.chain,
    )


def _hex(data: bytes) -> str:
    text = data.hex()
    return "\n".join(text[start : start + 64] for start in range(0, len(text), 64)) + "\n"


def _describe(info: inspect.Type) -> str:
    match info:
        case inspect.UnionType():
            text = " or ".join(_describe(member) for member in info.types)
        case inspect.StructType():
            text = info.cls.__name__
        case inspect.EnumType():
            text = "|".join(member.value for member in info.cls)
        case inspect.TupleType():
            text = "array of " + ", ".join(_describe(one) for one in info.item_types)
        case inspect.VarTupleType():
            limits = _limits(info.min_length, info.max_length)
            text = f"array{limits} of {_describe(info.item_type)}"
        case _:
            text = _describe_plain(info)
    return text


def _describe_plain(info: inspect.Type) -> str:
    match info:
        case inspect.IntType():
            lowest = info.ge if info.gt is None else info.gt + 1
            highest = info.le if info.lt is None else info.lt - 1
            text = "integer" + _limits(lowest, highest)
        case inspect.StrType():
            text = "text" + _limits(info.min_length, info.max_length)
            text += f" /{info.pattern}/" if info.pattern else ""
        case inspect.BytesType():
            text = "bytes" + _limits(info.min_length, info.max_length)
        case inspect.BoolType():
            text = "boolean"
        case inspect.NoneType():
            text = "nil"
        case inspect.RawType():
            text = "map, by type"
        case _:
            raise TypeError(f"nothing is said of {info}")
    return text


def _limits(lowest: int | None, highest: int | None) -> str:
    if highest is None:
        return "" if lowest is None else f" {lowest}.."
    return f" {highest}" if lowest == highest else f" {lowest or 0}..{highest}"


def _fields(*kinds: type[msgspec.Struct]) -> str:
    blocks = []
    for kind in kinds:
        info = inspect.type_info(kind)
        name = kind.TYPE if issubclass(kind, Body) else kind.__name__
        lines = [name]
        if isinstance(info, inspect.StructType):
            # A row is an array: its fields stand in the order in which they are written.
            shown = info.fields if info.array_like else sorted(info.fields, key=_name)
            lines[0] += " (array)" if info.array_like else ""
            lines += [f"  {field.name:<24}{_describe(field.type)}" for field in shown]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _name(field: inspect.Field) -> str:
    return field.name


def _parts(*kinds: type[msgspec.Struct]) -> tuple[type[msgspec.Struct], ...]:
    """Give the Structs that stand inside others, each once, in order of appearance."""
    found: dict[type[msgspec.Struct], None] = {}

    def look(info: inspect.Type) -> None:
        match info:
            case inspect.UnionType():
                for one in info.types:
                    look(one)
            case inspect.VarTupleType():
                look(info.item_type)
            case inspect.StructType():
                if info.cls not in kinds:
                    found[info.cls] = None
                for field in info.fields:
                    look(field.type)

    for kind in kinds:
        look(inspect.type_info(kind))
    return tuple(found)


EVIDENCE_KINDS = tuple(
    sorted(get_args(Evidence), key=lambda kind: int(str(kind.__struct_config__.tag)[1:]))
)
RECORDS = tuple(
    sorted(
        # Tests have records of their own, and may have run before.
        (kind for kind in Record.__subclasses__() if kind.__module__.startswith("kpledger.")),
        key=lambda kind: kind.KIND,
    )
)
BODY_PARTS = _parts(*CATALOGUE)


def make_examples() -> dict[str, str]:
    """Give what stands under each marker of the page."""
    genesis = parse_genesis(format_genesis(_genesis_file()))
    state = MemoryState()
    seed = genesis.seed_state(MemoryState())
    state.apply(seed)
    tip = genesis_tip(genesis, seed)
    opening = elect("bw-1", term=1, base=tip.end, genesis=genesis)
    noop = execute_noop(genesis, tip, state, 1, opening.encoded)
    event = decode_envelope(_event(genesis))
    executor = BlockExecutor(genesis, noop.tip, state, TIME_MS)
    refusal = executor.add(event)
    if refusal is not None:
        raise ValueError(str(refusal))
    made = executor.finish(1, "bw-1", BlockKind.BLOCK)
    block = seal_block(made, signing_key("bw-1/consensus"))
    entry = StoredEntry(kind=1, term=1, payload=block)
    execute_entry(genesis, noop.tip, state, entry)
    header = encode(made.header)
    stored = encode_stored_entry(entry)
    opened = encode_stored_entry(StoredEntry(kind=0, term=1, payload=opening.encoded))
    return (
        _voted_examples(genesis, noop, made)
        | _log_examples(genesis)
        | {
            "genesis": genesis.encoded.decode(),
            "chain": _hex(genesis.chain),
            "config": _hex(genesis.config_hash),
            "payload": _hex(event.payload),
            "event id": _hex(event.event_id),
            "pae": _hex(encode_pae(event.payload)[: -len(event.payload)]),
            "envelope": _hex(event.encoded),
            "leaf": _hex(hash_leaf(event.encoded)),
            "state keys": "".join(f"{key.decode()}\n" for key in sorted(state.pairs)),
            "state record": _hex(state.pairs[b"policy/network"]),
            "state digest": _hex(tip.digest.digest),
            "noop": _hex(encode(noop.header)),
            "noop head": _hex(noop.tip.head),
            "header": _hex(header),
            "head": _hex(compute_head(header)),
            "preimage": _hex(block_preimage(made.header, made.tip.head)),
            "signature": _hex(decode_block(block).signature),
            "stored noop": f"{block_key(1).hex()}\n{opened[:10].hex()}\n",
            "event fields": _fields(EventHeader, Author),
            "envelope fields": _fields(Envelope, EventSignature),
            "block fields": _fields(SealedBlock, BlockHeader),
            "body fields": _fields(*CATALOGUE),
            "part fields": _fields(*BODY_PARTS),
            "record fields": _fields(
                *RECORDS, *(part for part in _parts(*RECORDS) if part not in BODY_PARTS)
            ),
            "stored block": f"{block_key(2).hex()}\n{stored[:10].hex()}\n",
        }
    )


def _voted_examples(genesis: Genesis, noop: ExecutedBlock, made: ExecutedBlock) -> dict[str, str]:
    """Give what stands under the markers of what voters sign."""
    electorate, opening, signer = (
        Electorate.of(genesis),
        noop.opening,
        signer_of("bw-1", genesis=genesis),
    )
    if opening is None:
        raise ValueError("no votes open the term")
    acknowledgement = signer.acknowledge(made.tip.end)
    pre_vote = signer.pre_vote("bw-1", term=2)
    proof = TermProof(term=2, candidate="bw-1", pre_votes=(pre_vote,))
    shown = ShownHeader(header=encode(noop.header), seal=opening.encoded)
    return {
        "vote preimage": _hex(opening.votes[0].preimage(electorate)),
        "vote": _hex(encode(opening.votes[0])),
        "acknowledgement preimage": _hex(acknowledgement.preimage(electorate)),
        "acknowledgement": _hex(encode(acknowledgement)),
        "pre vote preimage": _hex(pre_vote.preimage(electorate)),
        "nomination preimage": _hex(signer.nominate("bw-1", term=2).preimage(electorate)),
        "statement fields": _fields(Acknowledgement, Vote, PreVote, Nomination, LogEnd),
        "leader certificate": _hex(opening.encoded),
        "commit certificate": _hex(encode(finalise(made.tip.end, genesis=genesis))),
        "commit certificate fields": _fields(CommitCertificate, CertifiedBy),
        "term proof": _hex(encode(proof)),
        "term proof fields": _fields(TermProof),
        "path": _hex(encode(shown)),
        "path fields": _fields(ShownHeader),
        **_evidence_examples(signer, made),
    }


def _evidence_examples(signer: StatementSigner, made: ExecutedBlock) -> dict[str, str]:
    """Give what stands under the markers of evidence: the same block, and one a moment later."""
    header = vary(made.header, time_ms=made.header.time_ms + 1)
    later = vary(made.tip.end, head=compute_head(encode(header)))
    first, second = sorted(
        (signer.acknowledge(end) for end in (made.tip.end, later)), key=lambda one: one.head
    )
    evidence = DoubleAcknowledgement(first=first, second=second)
    encoded = encode_evidence(evidence)
    return {
        "evidence file": format_evidence(evidence).decode(),
        "evidence": _hex(encoded),
        "evidence id": _hex(evidence_id(encoded)),
        "evidence fields": _fields(*EVIDENCE_KINDS, AnyStatement),
        "gossip fields": _fields(GossipMessage, Rumour, AddressRecord),
    }


def _address_examples(genesis: Genesis) -> dict[str, str]:
    """Give what stands under the markers of where a node is; what is signed, as the page says."""
    key, peers, number = signing_key("bw-1/cosigning"), "bw-1.example:7700", 1_767_225_600_000
    record = AddressRecord.sign(genesis, "bw-1", peers, number, key)
    signed = b"kpledger/address/v1\0" + genesis.chain + number.to_bytes(8, "big")
    signed += hashlib.sha256(peers.encode()).digest()
    verify_signature(key.public_key, signed, record.signature, what="an address")
    return {"address preimage": _hex(signed), "address": _hex(encode(record))}


def _log_examples(genesis: Genesis) -> dict[str, str]:
    """Give what stands under the markers of the transparency log."""
    entries = [b"event-%d" % number for number in range(5)]
    receipt = receive(entries, 2, seal(genesis, entries, ["bw-1"]))
    return {
        **_address_examples(genesis),
        "policy": format_policy(policy_of(genesis)).decode(),
        "receipt": format_receipt(replace(receipt, extra=None)).decode(),
    }


def test_every_example_of_the_page_is_what_the_code_makes() -> None:
    found = re.findall(
        r"<!-- example: ([a-z ]+) -->\n```[a-z]*\n(.*?)```\n", PAGE.read_text(), re.DOTALL
    )
    assert dict(found) == make_examples()
    assert len(found) == len(make_examples())


def test_every_kind_of_record_has_its_row() -> None:
    rows = re.findall(r"^\| `([a-z]+)/[^`]*` \| (\w+) \|$", PAGE.read_text(), re.MULTILINE)
    assert sorted(set(rows)) == sorted((kind.KIND, kind.__name__) for kind in RECORDS)


def test_limits_of_the_page_are_those_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = page.partition("## 18. Limits\n\n")[2].partition("\n\n## 19")[0]
    assert table.splitlines() == [
        "| What | At most |",
        "|---|---|",
        f"| payload of an event | {MAX_EVENT_BYTES:,} bytes |",
        f"| signatures on an event | {MAX_SIGNATURES} |",
        f"| envelope | {MAX_ENVELOPE_BYTES:,} bytes |",
        f"| envelope in JSON | {MAX_ENVELOPE_JSON_BYTES:,} bytes |",
        "| header | 1,024 bytes |",
        f"| events in a block | {MAX_BLOCK_EVENTS:,} |",
        f"| block | {MAX_BLOCK_BYTES:,} bytes |",
        f"| statement | {MAX_STATEMENT_BYTES:,} bytes |",
        f"| leader certificate | {MAX_OPENING_BYTES:,} bytes |",
        f"| commit certificate | {MAX_CERTIFICATE_BYTES:,} bytes |",
        f"| term proof | {MAX_TERM_PROOF_BYTES:,} bytes |",
        f"| evidence | {MAX_EVIDENCE_BYTES:,} bytes |",
        f"| genesis file | {MAX_GENESIS_BYTES:,} bytes |",
        f"| voters | {MAX_GENESIS_VOTERS} |",
        f"| number ranges of a participant | {MAX_RANGES} |",
        f"| keys in force of a participant and its offices | {MAX_KEYS} |",
        f"| offices of a participant, closed ones included | {MAX_OFFICES} |",
    ]
    assert (MAX_BLOCK_EVENTS, MAX_BLOCK_BYTES, MAX_GENESIS_BYTES) == (4096, 2**22, 2**20)
