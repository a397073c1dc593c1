"""What tests/vectors/statement and tests/vectors/certificate hold, made anew.

Each case stands for itself: chain, configuration, and the seed of each voter's key are said in it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
from founding import vary

from kpledger.base.codec import encode
from kpledger.base.hashing import sha256
from kpledger.base.keys import SigningKey
from kpledger.log.certificates import (
    CommitCertificate,
    LeaderCertificate,
    TermProof,
    certify_commit,
)
from kpledger.log.statements import (
    Acknowledgement,
    Electorate,
    LogEnd,
    Nomination,
    PreVote,
    StatementSigner,
    UnknownVoterError,
    Vote,
    VoterStatement,
)

Certificate = LeaderCertificate | CommitCertificate | TermProof

SEEDS: Final = {
    voter: sha256(f"kpledger vector {voter}".encode()) for voter in ("bw-1", "eu-1", "in-1", "za-1")
}
CHAIN, CONFIG_HASH = sha256(b"kpledger vector chain"), sha256(b"kpledger vector configuration")
KINDS: Final[dict[str, type[VoterStatement]]] = {
    "acknowledgement": Acknowledgement,
    "vote": Vote,
    "pre-vote": PreVote,
    "nomination": Nomination,
}


class StatementCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A statement, and what is wrong with it."""

    chain: str
    config_hash: str
    seeds: dict[str, str]
    """Of each voter's key, by name."""
    kind: str
    encoded: str
    preimage: str
    """What its signature has to be over; empty where the statement cannot be read."""
    error: str | None
    """The name of the error that refuses it."""
    problem: str
    """Part of what the error says."""


class CertificateCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate, and what is wrong with it."""

    chain: str
    config_hash: str
    seeds: dict[str, str]
    kind: str
    encoded: str
    error: str | None
    problem: str


def electorate_of(case: StatementCase | CertificateCase) -> Electorate:
    """Give the voters that a case speaks of."""
    keys = {
        voter: SigningKey.from_seed(bytes.fromhex(seed)).public_key
        for voter, seed in case.seeds.items()
    }
    return Electorate(bytes.fromhex(case.chain), bytes.fromhex(case.config_hash), keys)


@dataclass(frozen=True, slots=True)
class _Bad:
    """What is refused, and why."""

    value: VoterStatement | Certificate | bytes
    """As it is, or as it is encoded."""
    problem: str
    error: str = "BadSignatureError"


_KEYS: Final = {voter: SigningKey.from_seed(seed) for voter, seed in SEEDS.items()}
_ELECTORATE: Final = Electorate(
    CHAIN, CONFIG_HASH, {voter: key.public_key for voter, key in _KEYS.items()}
)
_BASE: Final = LogEnd(term=2, index=7, head=sha256(b"kpledger vector block 7"))
_OWN: Final = LogEnd(term=1, index=5, head=sha256(b"kpledger vector block 5"))
_NEXT: Final = LogEnd(term=3, index=9, head=sha256(b"kpledger vector block 9"))
_OTHER: Final = sha256(b"kpledger vector other")
_STRANGER: Final = SigningKey.from_seed(sha256(b"kpledger vector xx-1"))


def _signer(voter: str, generation: int = 1) -> StatementSigner:
    return StatementSigner(_ELECTORATE, voter, _KEYS[voter], generation)


def _vote(
    voter: str, candidate: str = "eu-1", term: int = 3, base: LogEnd = _BASE, own: LogEnd = _OWN
) -> Vote:
    return _signer(voter).vote(candidate, term=term, candidate_end=base, voter_end=own)


_ELECTORATES: Final = {
    "another-ledger": replace(_ELECTORATE, chain=_OTHER),
    "other-voters": replace(_ELECTORATE, config_hash=_OTHER),
}
_GOOD: Final[dict[str, VoterStatement]] = {
    "acknowledgement": _signer("bw-1", 5).acknowledge(_NEXT),
    "vote": _vote("bw-1"),
    "pre-vote": _signer("bw-1", 5).pre_vote("eu-1", term=3),
    "nomination": _signer("bw-1", 5).nominate("eu-1", term=3),
}


def _resign(
    statement: VoterStatement, change: Callable[[bytes], bytes], key: SigningKey = _KEYS["bw-1"]
) -> VoterStatement:
    """Sign other bytes than those that the statement stands for."""
    signed: VoterStatement = vary(
        statement, signature=key.sign(change(statement.preimage(_ELECTORATE)))
    )
    return signed


def _in_era(preimage: bytes) -> bytes:
    at = preimage.index(b"\0") + 1 + 32
    return preimage[:at] + (1).to_bytes(4, "big") + preimage[at + 4 :]


def _bad_statements(kind: str, good: VoterStatement) -> Iterator[tuple[str, _Bad]]:
    said = f"{type(good).__name__.lower()} of bw-1 in term"
    for name, electorate in _ELECTORATES.items():
        signature = _KEYS["bw-1"].sign(good.preimage(electorate))
        yield f"of-{name}", _Bad(vary(good, signature=signature), said)
    yield "of-another-era", _Bad(_resign(good, _in_era), said)
    yield "by-another-key", _Bad(_resign(good, bytes, _KEYS["eu-1"]), said)
    yield "of-another-voter", _Bad(vary(good, voter="eu-1"), said.replace("bw-1", "eu-1"))
    yield "of-another-term", _Bad(vary(good, term=4), said)
    yield "of-another-generation", _Bad(vary(good, generation=6), said)
    yield "signed-without-tag", _Bad(_resign(good, lambda one: one.partition(b"\0")[2]), said)
    yield (
        "signed-without-zero-byte",
        _Bad(_resign(good, lambda one: one.replace(b"\0", b"", 1)), said),
    )
    yield (
        "signed-as-it-is-encoded",
        _Bad(_resign(good, lambda _: encode(vary(good, signature=b""))), said),
    )
    yield "of-no-voter", _Bad(vary(good, voter="xx-1"), "'xx-1'", "UnknownVoterError")
    if not isinstance(good, Acknowledgement):
        yield "for-another-candidate", _Bad(vary(good, candidate="za-1"), said)
        yield "for-no-voter", _Bad(vary(good, candidate="xx-1"), "'xx-1'", "UnknownVoterError")
    for name, change in _FORMS.items():
        yield name, _Bad(change(msgspec.structs.asdict(good)), kind, "MalformedError")
    fields = msgspec.msgpack.decode(encode(good))
    unsorted = dict(reversed(fields.items()))
    yield "fields-unsorted", _Bad(msgspec.msgpack.encode(unsorted), kind, "NotCanonicalError")


_Fields = dict[str, Any]
_FORMS: Final[dict[str, Callable[[_Fields], bytes]]] = {
    "generation-zero": lambda fields: _pack(fields | {"generation": 0}),
    "generation-too-large": lambda fields: _pack(fields | {"generation": 2**32}),
    "term-too-large": lambda fields: _pack(fields | {"term": 2**53}),
    "signature-short": lambda fields: _pack(fields | {"signature": bytes(63)}),
    "voter-as-key": lambda fields: _pack(fields | {"voter": _KEYS["bw-1"].public_key}),
    "field-missing": lambda fields: _pack(
        {name: value for name, value in fields.items() if name != "generation"}
    ),
    "field-unknown": lambda fields: _pack(fields | {"era": 0}),
}


def _pack(fields: _Fields) -> bytes:
    return msgspec.msgpack.encode(fields, order="sorted")


def _special_statements() -> Iterator[tuple[str, str, _Bad]]:
    acknowledgement, vote = _GOOD["acknowledgement"], _GOOD["vote"]
    said = "acknowledgement of bw-1 in term 3"
    yield "acknowledgement", "of-another-height", _Bad(vary(acknowledgement, index=8), said)
    yield "acknowledgement", "of-another-head", _Bad(vary(acknowledgement, head=_OTHER), said)
    said = "vote of bw-1 in term 3"
    for end in ("candidate_end", "voter_end"):
        where = "candidate" if end == "candidate_end" else "voter"
        for field, value in (("term", 0), ("index", 6), ("head", _OTHER)):
            changed = vary(vote, **{end: vary(getattr(vote, end), **{field: value})})
            yield "vote", f"another-{field}-of-the-{where}", _Bad(changed, said)
    nominated = _GOOD["nomination"].signature
    as_pre_vote = vary(_GOOD["pre-vote"], signature=nominated)
    yield "pre-vote", "signed-as-nomination", _Bad(as_pre_vote, "prevote of bw-1 in term 3")


def make_statements() -> dict[str, StatementCase]:
    """Give every case by the name of its file."""
    cases = {}
    for kind, good in _GOOD.items():
        cases[f"{kind}-good"] = _statement(kind, _good(good))
        for name, bad in _bad_statements(kind, good):
            cases[f"{kind}-{name}"] = _statement(kind, bad)
    for kind, name, bad in _special_statements():
        cases[f"{kind}-{name}"] = _statement(kind, bad)
    largest = LogEnd(term=2**53 - 1, index=2**53 - 1, head=b"\xff" * 32)
    signer = _signer("za-1", 2**32 - 1)
    large_vote = signer.vote("za-1", term=largest.term, candidate_end=largest, voter_end=largest)
    first = LogEnd(term=0, index=0, head=CHAIN)
    cases["acknowledgement-good-largest"] = _statement(
        "acknowledgement", _good(signer.acknowledge(largest))
    )
    cases["vote-good-largest"] = _statement("vote", _good(large_vote))
    first_vote = _vote("eu-1", term=1, base=first, own=first)
    cases["vote-good-first-of-a-ledger"] = _statement("vote", _good(first_vote))
    return cases


def _statement(kind: str, bad: _Bad) -> StatementCase:
    preimage = b""
    if isinstance(bad.value, Acknowledgement | Vote | PreVote | Nomination):
        with suppress(UnknownVoterError):
            preimage = bad.value.preimage(_ELECTORATE)
    return StatementCase(preimage=preimage.hex(), **_common(kind, bad))


def _common(kind: str, bad: _Bad) -> _Fields:
    match bad.value:
        case bytes():
            encoded = bad.value
        case LeaderCertificate():
            encoded = bad.value.encoded
        case _:
            encoded = encode(bad.value)
    return {
        "chain": CHAIN.hex(),
        "config_hash": CONFIG_HASH.hex(),
        "seeds": {voter: seed.hex() for voter, seed in SEEDS.items()},
        "kind": kind,
        "encoded": encoded.hex(),
        "error": bad.error or None,
        "problem": bad.problem,
    }


def _good(value: VoterStatement | Certificate) -> _Bad:
    return _Bad(value, "", "")


def _short(value: Certificate, problem: str) -> _Bad:
    return _Bad(value, problem, "CertificateError")


_FORGER: Final = replace(_signer("eu-1"), key=_KEYS["in-1"])
_NOBODY: Final = StatementSigner(_ELECTORATE, "xx-1", _STRANGER, 1)
_ALL: Final = tuple(SEEDS)
_VOTES: Final = {voter: _vote(voter) for voter in _ALL}
_ACKNOWLEDGED: Final = {voter: _signer(voter).acknowledge(_NEXT) for voter in _ALL}
_PRE_VOTES: Final = {voter: _signer(voter).pre_vote("eu-1", term=4) for voter in _ALL}
_COMMIT: Final = certify_commit(_ACKNOWLEDGED.values())
_PROOF: Final = TermProof(term=4, candidate="eu-1", pre_votes=tuple(_PRE_VOTES.values()))


def _elected(*votes: Vote) -> LeaderCertificate:
    return LeaderCertificate(votes)


def _final(*voters: str) -> CommitCertificate:
    by = {one.voter: one for one in _COMMIT.by}
    certificate: CommitCertificate = vary(_COMMIT, by=tuple(by[voter] for voter in voters))
    return certificate


def _supported(*voters: str) -> TermProof:
    proof: TermProof = vary(_PROOF, pre_votes=tuple(_PRE_VOTES[voter] for voter in voters))
    return proof


def _bad_majorities() -> Iterator[tuple[str, str, _Bad]]:
    """What is wrong with the voters of any certificate."""
    groups = {
        "too-few": (("bw-1", "eu-1"), "2 of 4 voters signed, 3 are needed"),
        "voter-twice": (("bw-1", "eu-1", "eu-1"), "not ascending without repeats"),
        "voters-descend": (("in-1", "eu-1", "bw-1"), "not ascending without repeats"),
    }
    for name, (voters, problem) in groups.items():
        yield "leader", name, _short(_elected(*(_VOTES[one] for one in voters)), problem)
        yield "commit", name, _short(_final(*voters), problem)
        yield "term", f"{name}-of-pre-votes", _short(_supported(*voters), problem)


def _leaders() -> Iterator[tuple[str, _Bad]]:
    bw, eu, inn, _ = _VOTES.values()
    yield "good-majority", _good(_elected(bw, eu, inn))
    yield "good-all", _good(_elected(*_VOTES.values()))
    yield "good-another-end-of-a-voter", _good(_elected(bw, eu, _vote("in-1", own=_BASE)))
    different = "voted for different things"
    yield "two-candidates", _short(_elected(bw, eu, _vote("in-1", "in-1")), different)
    yield "two-terms", _short(_elected(bw, eu, _vote("in-1", term=4)), different)
    for field, value in (("term", 1), ("index", 6), ("head", _OTHER)):
        other = _vote("in-1", base=vary(_BASE, **{field: value}))
        yield f"another-{field}-of-the-log", _short(_elected(bw, eu, other), different)
    forged = _FORGER.vote("eu-1", term=3, candidate_end=_BASE, voter_end=_OWN)
    yield "vote-forged", _Bad(_elected(bw, forged, inn), "the vote of eu-1 in term 3")
    stranger = _NOBODY.vote("eu-1", term=3, candidate_end=_BASE, voter_end=_OWN)
    yield "of-no-voter", _Bad(_elected(bw, eu, stranger), "'xx-1'", "UnknownVoterError")
    for name, electorate in _ELECTORATES.items():
        signer = replace(_signer("in-1"), electorate=electorate)
        vote = signer.vote("eu-1", term=3, candidate_end=_BASE, voter_end=_OWN)
        yield f"vote-of-{name}", _Bad(_elected(bw, eu, vote), "the vote of in-1 in term 3")
    encoded = _elected(bw, eu, inn).encoded
    for name, payload in {
        "empty": b"",
        "without-votes": b"\x01\x00",
        "version-0": b"\x00" + encoded[1:],
        "version-2": b"\x02" + encoded[1:],
        "count-too-low": b"\x01\x02" + encoded[2:],
        "count-too-high": b"\x01\x04" + encoded[2:],
        "cut": encoded[:-1],
        "byte-behind": encoded + b"\x00",
        "length-too-large": encoded[:2] + b"\xff" + encoded[3:],
        "length-too-small": encoded[:5] + bytes([encoded[5] - 1]) + encoded[6:],
    }.items():
        yield name, _Bad(payload, "", "MalformedError")


def _commits() -> Iterator[tuple[str, _Bad]]:
    yield "good-majority", _good(_final("bw-1", "eu-1", "za-1"))
    yield "good-all", _good(_final(*_ALL))
    later = certify_commit(_signer(one, at).acknowledge(_NEXT) for at, one in enumerate(_ALL, 1))
    yield "good-several-generations", _good(later)
    said = "the acknowledgement of bw-1 in term"
    for field, value in (("term", 4), ("index", 8), ("head", _OTHER)):
        yield f"of-another-{field}", _Bad(vary(_COMMIT, **{field: value}), said)
    by = (vary(_COMMIT.by[0], generation=2), *_COMMIT.by[1:])
    yield "of-another-generation", _Bad(vary(_COMMIT, by=by), said)
    first = _ACKNOWLEDGED["bw-1"], _ACKNOWLEDGED["in-1"]
    forged = certify_commit([*first, _FORGER.acknowledge(_NEXT)])
    yield "acknowledgement-forged", _Bad(forged, "the acknowledgement of eu-1 in term 3")
    stranger = certify_commit([*first, _NOBODY.acknowledge(_NEXT)])
    yield "of-no-voter", _Bad(stranger, "'xx-1'", "UnknownVoterError")
    for name, electorate in _ELECTORATES.items():
        said = "the acknowledgement of za-1 in term 3"
        other = replace(_signer("za-1"), electorate=electorate).acknowledge(_NEXT)
        yield f"acknowledgement-of-{name}", _Bad(certify_commit([*first, other]), said)
    fields = msgspec.to_builtins(_COMMIT, builtin_types=(bytes,))
    for name, changed in {
        "of-nobody": fields | {"by": []},
        "of-ten": fields | {"by": fields["by"] * 3},
        "head-short": fields | {"head": bytes(31)},
        "field-unknown": fields | {"era": 0},
        "field-missing": {name: one for name, one in fields.items() if name != "head"},
    }.items():
        yield name, _Bad(_pack(changed), "commit certificate", "MalformedError")


def _terms() -> Iterator[tuple[str, _Bad]]:
    opening = _elected(*_VOTES.values())
    nomination = _signer("eu-1").nominate("in-1", term=3)
    proof = TermProof(term=4, candidate="in-1", nomination=nomination, opening=opening.encoded)
    yield "good-pre-votes", _good(_supported("bw-1", "eu-1", "in-1"))
    yield "good-nomination", _good(proof)
    supports = "bw-1 supports eu-1 in term 4"
    yield "pre-votes-of-another-term", _short(vary(_PROOF, term=5), supports)
    yield "pre-votes-for-another", _short(vary(_PROOF, candidate="in-1"), supports)
    one_forged = (_PRE_VOTES["bw-1"], _FORGER.pre_vote("eu-1", term=4), _PRE_VOTES["in-1"])
    forged = vary(_PROOF, pre_votes=one_forged)
    yield "pre-vote-forged", _Bad(forged, "the prevote of eu-1 in term 4")
    with_opening = vary(_PROOF, opening=opening.encoded)
    yield "pre-votes-with-an-opening", _short(with_opening, "comes without a nomination")
    of_another = "the nomination is of in-1 after term 3"
    yield "nomination-of-another-term", _short(vary(proof, term=5), of_another)
    yield "nomination-of-another", _short(vary(proof, candidate="bw-1"), of_another)
    alone = "a nomination comes with its leader's certificate alone"
    yield "nomination-without-opening", _short(vary(proof, opening=None), alone)
    yield "nomination-with-pre-votes", _short(vary(proof, pre_votes=_PROOF.pre_votes), alone)
    by_bw = vary(proof, nomination=_signer("bw-1").nominate("in-1", term=3))
    yield "nomination-by-another", _short(by_bw, "bw-1 was not elected in term 3")
    older = _elected(*(_vote(voter, term=2) for voter in _ALL))
    not_of_it = vary(proof, opening=older.encoded)
    yield "opening-of-another-term", _short(not_of_it, "eu-1 was not elected in term 3")
    few = vary(proof, opening=_elected(_VOTES["bw-1"]).encoded)
    yield "opening-by-too-few", _short(few, "1 of 4 voters signed")
    forged = vary(proof, nomination=_FORGER.nominate("in-1", term=3))
    yield "nomination-forged", _Bad(forged, "the nomination of eu-1 in term 3")
    no_opening = vary(proof, opening=b"\x01\x00")
    yield "opening-malformed", _Bad(no_opening, "it carries no vote", "MalformedError")


def make_certificates() -> dict[str, CertificateCase]:
    """Give every case by the name of its file."""
    cases = {f"{kind}-{name}": _certificate(kind, bad) for kind, name, bad in _bad_majorities()}
    for kind, made in (("leader", _leaders()), ("commit", _commits()), ("term", _terms())):
        cases |= {f"{kind}-{name}": _certificate(kind, bad) for name, bad in made}
    return cases


def _certificate(kind: str, bad: _Bad) -> CertificateCase:
    return CertificateCase(**_common(kind, bad))


def write_cases(directory: Path, cases: Mapping[str, StatementCase | CertificateCase]) -> None:
    """Write one file for each case."""
    directory.mkdir(exist_ok=True)
    for name, case in cases.items():
        (directory / f"{name}.json").write_bytes(format_case(case))


def format_case(case: StatementCase | CertificateCase) -> bytes:
    """Give what stands in its file."""
    return msgspec.json.format(msgspec.json.encode(case), indent=2) + b"\n"
