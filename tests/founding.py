"""A small world for tests: a genesis file under keys from fixed seeds, signed events, a ledger.

Everything here is a pure function of names, so that two runs give the same bytes. Four participants
(BW, EU, IN, ZA) run a node each; three of the nodes vote. :func:`found_ledger` gives a ledger in
memory before its first block; :func:`open_trade` one in which BW/gaborone, EU/antwerp and
ZA/joburg may issue and confirm.
"""

import functools
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec

from kpledger.base.hashing import sha256
from kpledger.base.keys import SigningKey
from kpledger.base.state import ChangeSet, MemoryState, Record, read_record
from kpledger.base.units import start_of_day_ms
from kpledger.log.block import BlockKind
from kpledger.log.certificates import LeaderCertificate
from kpledger.log.chain import (
    BlockExecutor,
    ExecutedBlock,
    execute_entry,
    execute_noop,
    genesis_tip,
    seal_block,
)
from kpledger.log.genesis import (
    GENESIS_FORMAT,
    Genesis,
    GenesisFile,
    GenesisNode,
    GenesisParticipant,
    GenesisPolicy,
    GenesisRecovery,
    format_genesis,
    parse_genesis,
)
from kpledger.log.layout import StoredEntry, encode_stored_entry
from kpledger.scheme.envelope import decode_envelope, open_envelope, sign_event
from kpledger.scheme.event import Author, Body, EventPlace, compute_event_id, encode_event
from kpledger.scheme.outcome import Refusal
from kpledger.scheme.rulebook import RELEASED, Rulebook
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateKind,
    GoodsLine,
    HsCode,
    Origin,
    OriginKind,
    Party,
)
from kpledger.scheme.v1.events.decisions import DecisionRecorded, Procedure
from kpledger.scheme.v1.events.governance import (
    AuthorityRegistered,
    AuthorityRole,
    KeyAdded,
    NumberRange,
    NumberRangeAllocated,
    ParticipantKind,
)
from kpledger.scheme.v1.events.importing import ImportConfirmed
from kpledger.scheme.v1.execution import execute
from kpledger.scheme.v1.records import CertificateRecord
from kpledger.scheme.v1.rules.subject import subject_of as spell_subject

S = TypeVar("S", bound=msgspec.Struct)
R = TypeVar("R", bound=Record)

TODAY: Final = "2026-03-02"
FOUNDED_MS: Final = start_of_day_ms("2026-01-01")
NOW_MS: Final = start_of_day_ms(TODAY) + 43_200_000
"""Noon of :data:`TODAY`: the time of every block unless a test says otherwise."""

NODES: Final = ("bw-1", "eu-1", "in-1", "za-1")
VOTERS: Final = ("bw-1", "eu-1", "za-1")
PARTICIPANTS: Final = {
    "BW": ("Botswana", ParticipantKind.STATE),
    "EU": ("European Union", ParticipantKind.REIO),
    "IN": ("India", ParticipantKind.STATE),
    "ZA": ("South Africa", ParticipantKind.STATE),
}
OFFICES: Final = ("BW/gaborone", "EU/antwerp", "ZA/joburg")
"""The authorities of :func:`open_trade`, each with both roles, one key and one range."""

CHAIR: Final = "KPCS/chair"
DECISION: Final = "AD-2026-1"
"""A decision that :func:`open_trade` records, for the Chair's measures to rest on."""
SERIAL_DIGITS: Final = 6
EXPORTER: Final = Party(name="Kgalagadi Gems", address="1 Main Mall, Gaborone", licence="BW-7")
IMPORTER: Final = Party(name="De Scheldt NV", address="Hoveniersstraat 2, Antwerpen", licence="")


@functools.cache
def signing_key(name: str) -> SigningKey:
    """Give the key of this name: an authority (``BW/root``) or a node's (``bw-1/consensus``)."""
    return SigningKey.from_seed(sha256(b"kpledger test key " + name.encode()))


def public_hex(name: str) -> str:
    """Give the public half of :func:`signing_key` as the genesis file writes it."""
    return signing_key(name).public_key.hex()


def make_genesis_file(
    nodes: Sequence[str] = NODES,
    voters: Sequence[str] = VOTERS,
    policy: GenesisPolicy | None = None,
) -> GenesisFile:
    """Give the content of a genesis file; a node ``za-2`` is run by ZA."""
    return GenesisFile(
        format=GENESIS_FORMAT,
        origin="ledger.example/kp",
        created_at=FOUNDED_MS,
        rules_version=1,
        policy=GenesisPolicy() if policy is None else policy,
        recovery=GenesisRecovery(witnesses=2, chair_quorum=3),
        chair_key=public_hex(CHAIR),
        secretariat_key=public_hex("KPCS/secretariat"),
        participants=tuple(
            GenesisParticipant(
                code=code,
                name=name,
                kind=kind,
                root_key=public_hex(f"{code}/root"),
                recovery_key=public_hex(f"{code}/recovery"),
            )
            for code, (name, kind) in PARTICIPANTS.items()
        ),
        nodes=tuple(
            GenesisNode(
                name=node,
                participant=node[:2].upper(),
                consensus_key=public_hex(f"{node}/consensus"),
                cosigning_key=public_hex(f"{node}/cosigning"),
                tls_key=public_hex(f"{node}/tls"),
            )
            for node in nodes
        ),
        voters=tuple(sorted(voters)),
    )


@functools.cache
def make_genesis(policy: GenesisPolicy | None = None) -> Genesis:
    """Give the parsed genesis file of this world."""
    return parse_genesis(format_genesis(make_genesis_file(policy=policy)))


def vary(value: S, **changes: object) -> S:
    """Give a copy of a Struct with some fields changed."""
    return msgspec.structs.replace(value, **changes)


def make_event(
    author: str,
    body: Body,
    *,
    signers: Sequence[str] | None = None,
    subject: str | None = None,
    prev: bytes | None = None,
    occurred_at: int = NOW_MS,
    chain: bytes | None = None,
    nonce: int = 0,
) -> bytes:
    """Sign a statement of an author such as ``BW/gaborone`` and give the encoded envelope.

    Unless said otherwise it is signed by the key named like the author, about the subject that the
    body speaks of, and meant for the ledger of :func:`make_genesis`. A confirmation's subject is
    its number; other events on a certificate need theirs said.
    """
    participant, _, authority = author.partition("/")
    payload = encode_event(
        chain=make_genesis().chain if chain is None else chain,
        author=Author(participant=participant, authority=authority),
        nonce=nonce.to_bytes(16, "big"),
        occurred_at=occurred_at,
        subject=subject_of(author, body) if subject is None else subject,
        prev=prev,
        body=body,
    )
    return sign_event(payload, [signing_key(name) for name in signers or (author,)])


def subject_of(author: str, body: Body) -> str:
    """Give what a statement is about, as far as its body says so."""
    spelled = spell_subject(author.partition("/")[0], body)
    if spelled is not None:
        return spelled
    raise ValueError(f"say the subject of a {body.TYPE}")


def event_id_of(encoded: bytes) -> bytes:
    """Give the id of the event in an envelope."""
    return compute_event_id(open_envelope(encoded).payload)


def number_of(participant: str, serial: int) -> str:
    """Give a number in the range that :func:`open_trade` allots."""
    return f"{participant}{serial:0{SERIAL_DIGITS}d}"


def make_certificate(number: str = "BW000001", destination: str = "EU") -> Certificate:
    """Give a certificate that every rule accepts: two HS lines, one origin, issued today.

    The stones are the issuer's own; what the EU issues was mined in BW, as it is no country.
    """
    issuer = number[:2]
    return Certificate(
        number=number,
        kind=CertificateKind.NORMAL,
        languages=("en",),
        issued_on=TODAY,
        expires_on="2026-04-30",
        destination=destination,
        exporter=EXPORTER,
        importer=IMPORTER,
        origin=Origin(kind=OriginKind.SINGLE, countries=("BW" if issuer == "EU" else issuer,)),
        parcels=2,
        carat_thousandths=100_000,
        value_usd_cents=5_000_000,
        lines=(
            GoodsLine(hs=HsCode.INDUSTRIAL, carat_thousandths=40_000, value_usd_cents=1_000_000),
            GoodsLine(
                hs=HsCode.NON_INDUSTRIAL, carat_thousandths=60_000, value_usd_cents=4_000_000
            ),
        ),
        validated_at=NOW_MS,
        seals=("S-1", "S-0"),
        sources=(),
        remarks="",
    )


def make_confirmation(certificate: Certificate) -> ImportConfirmed:
    """Give the clean confirmation that finds just what was declared, received today."""
    return ImportConfirmed(
        number=certificate.number,
        parcels=certificate.parcels,
        carat_thousandths=certificate.carat_thousandths,
        value_usd_cents=certificate.value_usd_cents,
        exporter=certificate.exporter,
        importer=certificate.importer,
        received_on=TODAY,
        exported_on=None,
    )


class RefusedError(Exception):
    """A test wanted an event recorded that the rules refuse."""


class MemoryLedger:
    """A ledger in memory: it seals blocks under a voter's key, and checks each by verifying it.

    Attributes:
        genesis: what it is founded on.
        state: the state at the tip.
        tip: the end of the chain.
        blocks: every block so far in order: the term of a NOOP, the bytes of a block of events.
        entries: the same as nodes store them; the votes that opened a term stand here alone.
        now_ms: time of the next block.
    """

    def __init__(self, genesis: Genesis, rules: Rulebook = RELEASED) -> None:
        """Found it; blocks are executed by the rules of a program that has these versions."""
        self.genesis = genesis
        self.rules = rules
        self.state = MemoryState()
        seed = genesis.seed_state(MemoryState(), rules)
        self.tip = genesis_tip(genesis, seed)
        self.state.apply(seed)
        self.blocks: list[int | bytes] = []
        self.entries: list[bytes] = []
        self.now_ms = NOW_MS

    def open_term(self, term: int, opening: LeaderCertificate | None = None) -> None:
        """Append the NOOP that opens a term, with the votes that did (:func:`electing.elect`)."""
        payload = b"" if opening is None else opening.encoded
        self._apply(execute_noop(self.genesis, self.tip, self.state, term, payload), term)

    def attempt(self, encoded: bytes, *, now_ms: int | None = None) -> Refusal | None:
        """Ask what the rules say to an event; nothing is recorded."""
        return self.execute(encoded, ChangeSet(self.state), now_ms=now_ms)

    def execute(
        self, encoded: bytes, changes: ChangeSet, *, now_ms: int | None = None
    ) -> Refusal | None:
        """Execute an event as the first of the next block, into a change-set over the state."""
        at = EventPlace(
            chain=self.genesis.chain,
            now_ms=self.now_ms if now_ms is None else now_ms,
            index=self.tip.tree.size,
            height=self.tip.height + 1,
        )
        return execute(decode_envelope(encoded), changes, at)

    def seal(self, *encoded: bytes, leader: str = "bw-1") -> tuple[bytes, ExecutedBlock]:
        """Seal events into the next block without appending it.

        Raises:
            RefusedError: a rule refuses one of them.
        """
        executor = BlockExecutor(self.genesis, self.tip, self.state, self.now_ms, self.rules)
        for one in encoded:
            refusal = executor.add(decode_envelope(one, self.rules))
            if refusal is not None:
                raise RefusedError(str(refusal))
        executed = executor.finish(self.tip.term, leader, BlockKind.BLOCK)
        return seal_block(executed, signing_key(f"{leader}/consensus")), executed

    def record(self, *encoded: bytes, leader: str = "bw-1") -> bytes:
        """Append a block of these events and give it.

        Raises:
            RefusedError: a rule refuses one of them.
        """
        block, _ = self.seal(*encoded, leader=leader)
        self._apply(self.verify(block), block)
        return block

    def verify(self, block: bytes) -> ExecutedBlock:
        """Check a block of the term against the end of the chain, as every node does.

        Raises:
            LedgerError: it does not follow.
        """
        entry = StoredEntry(kind=1, term=self.tip.term, payload=block)
        return execute_entry(self.genesis, self.tip, self.state, entry, rules=self.rules)

    def _apply(self, executed: ExecutedBlock, block: int | bytes) -> None:
        self.state.apply(executed.changes)
        self.tip = executed.tip
        self.blocks.append(block)
        votes = b"" if executed.opening is None else executed.opening.encoded
        kind, payload = (1, block) if isinstance(block, bytes) else (0, votes)
        entry = StoredEntry(kind=kind, term=self.tip.term, payload=payload)
        self.entries.append(encode_stored_entry(entry))

    def read(self, key: bytes, kind: type[R]) -> R:
        """Read a record that is there.

        Raises:
            KeyError: it is not.
        """
        record = read_record(self.state, key, kind)
        if record is None:
            raise KeyError(key)
        return record

    def certificate(self, number: str) -> CertificateRecord:
        """Read the record of a certificate."""
        return self.read(CertificateRecord.key_for(number), CertificateRecord)


def found_ledger(rules: Rulebook = RELEASED) -> MemoryLedger:
    """Give a ledger whose only block opens term 1."""
    ledger = MemoryLedger(make_genesis(), rules)
    ledger.open_term(1)
    return ledger


def opening_events(office: str, *, first: bool = True) -> tuple[bytes, bytes, bytes]:
    """Give what opens an office: its registration, its key, and the numbers 1 to 99999.

    The Chair signs the registration of a participant's first office, and of no other.
    """
    participant, _, authority = office.partition("/")
    root = f"{participant}/root"
    registered = AuthorityRegistered(
        authority=authority,
        title=f"Diamond Office, {authority}",
        place=authority.title(),
        roles=(AuthorityRole.EXPORTING, AuthorityRole.IMPORTING),
        contact="",
    )
    added = KeyAdded(authority=authority, key=signing_key(office).public_key, valid_from=FOUNDED_MS)
    allotted = NumberRangeAllocated(
        authority=authority,
        range=NumberRange(
            prefix=participant,
            width=SERIAL_DIGITS,
            first=1,
            last=99_999,
            use_from="2026-01-01",
            use_until="2027-12-31",
        ),
    )
    return (
        make_event(root, registered, signers=(root, CHAIR) if first else (root,)),
        make_event(root, added),
        make_event(root, allotted),
    )


def make_decision(
    decision: str = DECISION,
    *,
    procedure: Procedure = Procedure.WRITTEN,
    ratifies: Sequence[bytes] = (),
) -> DecisionRecorded:
    """Give a decision of today that BW and ZA supported and nobody objected to."""
    return DecisionRecorded(
        decision=decision,
        title=f"Decision {decision}",
        document=sha256(decision.encode()),
        procedure=procedure,
        decided_on=TODAY,
        supports=("BW", "ZA"),
        objections=(),
        ratifies=tuple(sorted(ratifies)),
    )


def decide(ledger: "MemoryLedger", decision: str = DECISION) -> None:
    """Record a decision of the scheme."""
    ledger.record(make_event(CHAIR, make_decision(decision)))


def open_trade(rules: Rulebook = RELEASED) -> MemoryLedger:
    """Give a ledger in which each of :data:`OFFICES` may issue and confirm.

    Its newest event records :data:`DECISION`.
    """
    ledger = found_ledger(rules)
    for office in OFFICES[:-1]:
        ledger.record(*opening_events(office))
    ledger.record(*opening_events(OFFICES[-1]), make_event(CHAIR, make_decision()))
    return ledger


def issue(ledger: MemoryLedger, certificate: Certificate, author: str = "BW/gaborone") -> bytes:
    """Record the issue of a certificate and give the envelope."""
    encoded = make_event(author, CertificateIssued(certificate=certificate))
    ledger.record(encoded)
    return encoded
