"""Evidence for tests: some of each kind that holds, and some for each reason why it does not.

Everything is signed by the voters of :mod:`founding` under its keys. ``python tests/convicting.py``
writes the vectors anew; a test compares them with what stands here.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec
from branches import Branch, sign_header
from electing import elect, signer_of
from founding import CHAIR, make_decision, make_event, make_genesis, vary
from split_views import split_views

from kpledger.base.hashing import hash_leaf
from kpledger.log.block import BlockKind
from kpledger.log.certificates import CommitCertificate, certify_commit
from kpledger.log.conviction import EvidenceError
from kpledger.log.evidence import (
    Amnesia,
    AnyStatement,
    BrokenBlock,
    DoubleAcknowledgement,
    DoubleVote,
    Equivocation,
    Evidence,
    Fork,
    StaleGeneration,
    UnshownLog,
    Usurpation,
)
from kpledger.log.evidence_file import encode_evidence, evidence_id, format_evidence
from kpledger.log.judging import judge
from kpledger.log.merkle import compute_root
from kpledger.log.statements import Acknowledgement, Electorate, Vote

VECTORS: Final = Path(__file__).parent / "vectors" / "evidence"
ELECTORATE: Final = Electorate.of(make_genesis())
Cases = Iterator[tuple[str, Evidence]]

ROOT: Final = Branch().open(1, "bw-1").make(count=2)
"""Three blocks of term 1, led by bw-1."""
LEFT: Final = ROOT.make(1)
RIGHT: Final = ROOT.make(2)
LONG: Final = RIGHT.make(count=2)
STRANGE: Final = vary(ROOT.next_header(), chain=b"\x07" * 32)


def ordered(*branches: Branch) -> tuple[Branch, Branch]:
    first, second = sorted(branches, key=lambda one: (one.end.index, one.end.head))
    return first, second


LOW, HIGH = ordered(LEFT, RIGHT)


def forge(signed: Acknowledgement, **changes: object) -> Acknowledgement:
    """Change what was signed, and keep the signature."""
    return vary(signed, **changes)


def equivocations() -> Cases:
    first, second = LOW.shown[-1], HIGH.shown[-1]
    good = Equivocation(first=first, second=second)
    yield "good-e1-one-height", good
    path = LONG.above(LEFT.end.index)[:-1]
    far = Equivocation(first=LEFT.shown[-1], second=LONG.shown[-1], path=path)
    yield "good-e1-two-heights", far
    yield "e1-one-block", vary(good, second=first)
    yield "e1-wrong-order", Equivocation(first=second, second=first)
    yield "e1-one-branch", vary(far, first=RIGHT.shown[-1])
    yield "e1-path-too-short", vary(far, path=())
    yield "e1-path-too-long", vary(good, path=(first.header,))
    yield "e1-path-of-other-branch", vary(far, path=(LEFT.make().shown[-1].header,))
    yield "e1-path-not-a-header", vary(far, path=(b"\x00",))
    yield "e1-bad-signature", vary(good, second=vary(second, seal=first.seal))
    other = ROOT.open(2, "eu-1").make()
    yield "e1-two-leaders", Equivocation(first=RIGHT.shown[-1], second=other.shown[-1])
    again = ROOT.open(2, "bw-1").make()
    yield "e1-two-terms", Equivocation(first=RIGHT.shown[-1], second=again.shown[-1])
    yield "e1-other-ledger", vary(far, second=sign_header(vary(LONG.header, chain=b"\x07" * 32)))
    yield "e1-openings", Equivocation(first=Branch().open(1, "bw-1").shown[0], second=first)


def double_acknowledgements() -> Cases:
    first, second = LOW.acknowledge("eu-1"), HIGH.acknowledge("eu-1")
    good = DoubleAcknowledgement(first=first, second=second)
    yield "good-e2-one-height", good
    path = LONG.above(LEFT.end.index)
    far = DoubleAcknowledgement(
        first=LEFT.acknowledge("eu-1"), second=LONG.acknowledge("eu-1"), path=path
    )
    yield "good-e2-two-heights", far
    yield "good-e2-after-restart", vary(good, second=HIGH.acknowledge("eu-1", generation=2))
    yield "e2-one-block", vary(good, second=LOW.acknowledge("eu-1", generation=2))
    yield "e2-wrong-order", DoubleAcknowledgement(first=second, second=first)
    yield "e2-two-voters", vary(good, second=HIGH.acknowledge("za-1"))
    later = ROOT.open(2, "eu-1")
    overwritten = RIGHT.acknowledge("eu-1")
    yield (
        "e2-overwritten-by-later-leader",
        vary(good, first=overwritten, second=later.make().acknowledge("eu-1")),
    )
    yield "e2-one-branch", vary(far, first=RIGHT.acknowledge("eu-1"))
    yield "e2-path-missing", vary(far, path=())
    yield "e2-path-of-other-branch", vary(far, path=LEFT.make(count=2).above(LEFT.end.index))
    lower = signer_of("eu-1").acknowledge(vary(LONG.end, index=LONG.end.index - 1))
    yield "e2-path-of-other-heights", vary(far, second=lower, path=path[1:])
    yield "e2-bad-signature", vary(good, second=vary(second, signature=first.signature))
    yield "e2-other-start-forged", vary(good, second=vary(second, generation=2))
    yield (
        "e2-no-voter",
        vary(good, first=vary(first, voter="in-1"), second=vary(second, voter="in-1")),
    )


def vote(
    candidate: str,
    base: Branch = ROOT,
    *,
    voter: str = "za-1",
    term: int = 2,
    generation: int = 1,
) -> Vote:
    signer = signer_of(voter, generation=generation)
    return signer.vote(candidate, term=term, candidate_end=base.end, voter_end=base.end)


def double_votes() -> Cases:
    first, second = vote("bw-1"), vote("eu-1")
    good = DoubleVote(first=first, second=second)
    yield "good-e3-two-candidates", good
    own = DoubleVote(first=vote("za-1", LOW), second=vote("za-1", HIGH))
    yield "good-e3-own-two-logs", own
    yield "good-e3-after-restart", vary(good, second=vote("eu-1", generation=2))
    yield "e3-one-vote", vary(good, second=first)
    yield "e3-wrong-order", DoubleVote(first=second, second=first)
    yield "e3-two-voters", vary(good, second=vote("eu-1", voter="bw-1"))
    yield "e3-two-terms", vary(good, second=vote("eu-1", term=3))
    yield (
        "e3-one-candidate-two-logs",
        DoubleVote(first=vote("bw-1", LOW), second=vote("bw-1", HIGH)),
    )
    again = sorted((vote("za-1"), vote("za-1", generation=2)), key=msgspec.msgpack.encode)
    yield "e3-own-vote-repeated", DoubleVote(first=again[0], second=again[1])
    yield "e3-bad-signature", vary(good, second=vary(second, signature=first.signature))
    yield "e3-stranger-as-candidate", vary(good, second=vary(second, candidate="in-1"))


def amnesias() -> Cases:
    said, behind = LEFT.acknowledge("za-1"), vote("eu-1")
    good = Amnesia(acknowledgement=said, vote=behind)
    yield "good-e4-next-term", good
    restarted = vary(good, vote=vote("eu-1", generation=2))
    later = vary(good, vote=vote("eu-1", term=3))
    final = LEFT.finalise("bw-1", "za-1")
    yield "good-e4-terms-between", vary(later, certificate=final)
    yield "good-e4-after-restart", vary(restarted, certificate=final)
    yield "e4-after-restart-not-final", restarted
    yield "e4-terms-between-not-final", later
    yield "e4-two-voters", vary(good, vote=vote("eu-1", voter="bw-1"))
    yield "e4-vote-before", vary(good, vote=vote("eu-1", term=1))
    yield "e4-same-log", vary(good, vote=vote("eu-1", LEFT))
    yield "e4-other-branch-as-long", vary(good, vote=vote("eu-1", RIGHT))
    yield "e4-certificate-of-other-block", vary(later, certificate=RIGHT.finalise("bw-1", "za-1"))
    yield "e4-certificate-of-too-few", vary(later, certificate=LEFT.finalise("za-1"))
    yield "e4-bad-signature", vary(good, vote=vary(behind, signature=said.signature))


def usurpations() -> Cases:
    elected = elect("eu-1", term=1, base=Branch().end, voters=("bw-1", "eu-1"))
    good = Usurpation(block=ROOT.shown[-1], opening=elected.encoded)
    yield "good-e5-own-vote", good
    others = elect("eu-1", term=1, base=Branch().end, voters=("eu-1", "za-1"))
    yield "good-e5-without-own-vote", vary(good, opening=others.encoded)
    yield "e5-elected", vary(good, opening=ROOT.opening.encoded)
    later = elect("eu-1", term=2, base=ROOT.end)
    yield "e5-no-votes", vary(good, opening=b"")
    yield "e5-other-term", vary(good, opening=later.encoded)
    few = elect("eu-1", term=1, base=Branch().end, voters=("bw-1",))
    yield "e5-too-few-votes", vary(good, opening=few.encoded)
    yield "e5-bad-signature", vary(good, block=vary(good.block, seal=LEFT.shown[-1].seal))


def unshown_logs() -> Cases:
    yield "good-e6-own-vote", UnshownLog(vote=vote("za-1"))
    yield "e6-vote-of-another", UnshownLog(vote=vote("eu-1"))
    signature = vote("za-1", term=3).signature
    yield "e6-bad-signature", UnshownLog(vote=vary(vote("za-1"), signature=signature))


EVENTS: Final = tuple(make_event(CHAIR, make_decision(f"AD-2026-{one}")) for one in (1, 2))
FORGED: Final = EVENTS[0][:-1] + bytes([EVENTS[0][-1] ^ 1])


def broken_blocks() -> Cases:
    header, parent = ROOT.next_header(), ROOT.shown[-1].header
    good = BrokenBlock(block=sign_header(vary(header, term=3)), parent=parent)
    yield "good-e7-term-not-opened", good
    for field, value in (("first_event", 1), ("height", 7), ("leader", "eu-1"), ("time_ms", 1)):
        extra = {"tree_size": 2} if field == "first_event" else {}
        wrong = sign_header(vary(header, **{field: value}, **extra))
        yield f"good-e7-{field.replace('_', '-')}", vary(good, block=wrong)
    yield (
        "good-e7-signed-opening",
        BrokenBlock(block=sign_header(vary(header, kind=BlockKind.NOOP)), parent=None),
    )
    yield "good-e7-sizes", BrokenBlock(block=sign_header(vary(header, tree_size=9)))
    yield "good-e7-first-block", BrokenBlock(block=sign_header(vary(header, height=1)))
    for name, events in (("count", EVENTS), ("event-signature", (FORGED,)), ("event", (b"x",))):
        root = compute_root([hash_leaf(one) for one in events])
        block = sign_header(vary(header, payload_root=root))
        yield f"good-e7-{name}", BrokenBlock(block=block, events=events)
    yield "good-e7-refused-by-rules", BrokenBlock(block=sign_header(header), problem="rule C1")
    sound = BrokenBlock(block=sign_header(header), parent=parent)
    yield "e7-sound-block", sound
    yield "e7-not-its-parent", vary(good, parent=LEFT.shown[-1].header)
    yield "e7-not-its-events", vary(sound, events=EVENTS)
    root = compute_root([hash_leaf(EVENTS[0])])
    block = sign_header(vary(header, payload_root=root))
    yield "e7-sound-events", BrokenBlock(block=block, events=EVENTS[:1])
    yield "e7-other-ledger", vary(good, block=sign_header(vary(header, chain=b"\x07" * 32)))
    yield "e7-other-era", vary(good, block=sign_header(vary(header, era=1)))
    yield "e7-other-voters", vary(good, block=sign_header(vary(header, config_hash=b"\x07" * 32)))
    yield "e7-bad-signature", vary(good, block=sign_header(vary(header, term=3), "eu-1"))
    yield "e7-stranger", vary(good, block=sign_header(vary(header, leader="in-1")))


def forks() -> Cases:
    one_term = Fork(first=LOW.finalise("bw-1", "eu-1"), second=HIGH.finalise("bw-1", "za-1"))
    yield "good-e8-one-term", one_term
    far = LONG.finalise("bw-1", "za-1")
    path = LONG.above(LEFT.end.index)
    two_heights = Fork(first=LEFT.finalise("bw-1", "eu-1"), second=far, path=path)
    yield "good-e8-two-heights", two_heights
    pair = Equivocation(first=LOW.shown[-1], second=HIGH.shown[-1])
    yield "good-e8-with-equivocation", vary(one_term, equivocation=pair)
    after = ROOT.open(2, "za-1", ("eu-1", "za-1")).make(count=2)
    later = Fork(
        first=LEFT.finalise("bw-1", "eu-1"),
        second=after.finalise("eu-1", "za-1"),
        path=after.above(LEFT.end.index),
        openings=(after.opening.encoded,),
    )
    yield "good-e8-next-term", later
    short = ROOT.open(2, "za-1", ("eu-1", "za-1"))
    yield (
        "good-e8-later-below",
        vary(
            later,
            first=LEFT.make().finalise("bw-1", "eu-1"),
            second=short.finalise("eu-1", "za-1"),
            path=(),
        ),
    )
    skipped = ROOT.open(3, "za-1", ("eu-1", "za-1")).make(count=2)
    yield (
        "good-e8-terms-between",
        Fork(
            first=later.first,
            second=skipped.finalise("eu-1", "za-1"),
            path=skipped.above(LEFT.end.index),
            openings=(skipped.opening.encoded,),
        ),
    )
    yield "good-e8-no-election-shown", vary(later, openings=())
    yield "good-e8-two-starts", one_of_two_starts(pair)
    stale = vary(later, second=after.finalise("bw-1", "eu-1"), openings=())
    late = finalise_from(LEFT, {"bw-1": 1, "eu-1": 3})
    yield "good-e8-earlier-start", vary(stale, first=late)
    yield from unproven_forks(one_term, two_heights, later)


def finalise_from(branch: Branch, starts: Mapping[str, int]) -> CommitCertificate:
    """Make a block final by voters, each from a start of its storage."""
    said = [branch.acknowledge(voter, generation=one) for voter, one in starts.items()]
    return certify_commit(said)


def one_of_two_starts(pair: Equivocation) -> Fork:
    """Let the voters of two copies of each directory make both blocks of one leader final."""
    first = finalise_from(LOW, {"bw-1": 1, "eu-1": 1})
    second = finalise_from(HIGH, {"bw-1": 2, "eu-1": 2})
    return Fork(first=first, second=second, equivocation=pair)


def unproven_forks(one_term: Fork, two_heights: Fork, later: Fork) -> Cases:
    short = ROOT.open(2, "za-1", ("eu-1", "za-1")).finalise("eu-1", "za-1")
    yield "e8-one-certificate", vary(one_term, second=one_term.first)
    yield "e8-wrong-order", Fork(first=one_term.second, second=one_term.first)
    yield "e8-one-history", vary(two_heights, first=RIGHT.finalise("bw-1", "eu-1"))
    yield "e8-path-missing", vary(two_heights, path=())
    yield (
        "e8-path-needless",
        vary(later, first=LONG.make().finalise("bw-1", "eu-1"), second=short),
    )
    yield "e8-too-few", vary(one_term, second=HIGH.finalise("bw-1"))
    yield "e8-too-few-first", vary(one_term, first=LOW.finalise("bw-1"))
    stranger = vary(one_term.second.by[1], voter="in-1")
    by = (one_term.second.by[0], stranger)
    yield "e8-stranger", vary(one_term, second=vary(one_term.second, by=by))
    forged = vary(one_term.second.by[1], generation=2)
    by = (one_term.second.by[0], forged)
    yield "e8-bad-signature", vary(one_term, second=vary(one_term.second, by=by))
    few = ROOT.open(2, "za-1", ("eu-1",)).opening
    yield "e8-opening-of-too-few", vary(later, openings=(few.encoded,))
    other = ROOT.open(2, "bw-1")
    blocks = ordered(other.make(1), other.make(2))
    unrelated = Equivocation(first=blocks[0].shown[-1], second=blocks[1].shown[-1])
    yield "e8-equivocation-of-other-term", vary(one_term, equivocation=unrelated)


def stale_generations() -> Cases:
    first = AnyStatement(acknowledgement=LEFT.acknowledge("za-1", generation=3))
    good = StaleGeneration(first=first, second=AnyStatement(vote=vote("eu-1", LEFT, generation=2)))
    yield "good-e9-vote", good
    nominated = signer_of("za-1", generation=2).nominate("bw-1", term=2)
    yield "good-e9-nomination", vary(good, second=AnyStatement(nomination=nominated))
    yield "e9-restart", vary(good, second=AnyStatement(vote=vote("eu-1", LEFT, generation=4)))
    yield "e9-same-start", vary(good, second=AnyStatement(vote=vote("eu-1", LEFT, generation=3)))
    lower = ROOT.acknowledge("za-1", generation=2)
    yield "e9-one-term", vary(good, second=AnyStatement(acknowledgement=lower))
    yield "e9-falling-term", StaleGeneration(first=good.second, second=good.first)
    theirs = vote("eu-1", LEFT, voter="eu-1", generation=2)
    yield "e9-two-voters", vary(good, second=AnyStatement(vote=theirs))
    yield "e9-nothing-said", vary(good, second=AnyStatement())
    both = vary(good.first, vote=good.second.vote)
    yield "e9-two-in-one", vary(good, first=both)
    forged = vary(vote("eu-1", LEFT), generation=2)
    yield "e9-bad-signature", vary(good, second=AnyStatement(vote=forged))


def all_cases() -> dict[str, Evidence]:
    """Give all by the names of their vectors."""
    makers = (
        equivocations,
        double_acknowledgements,
        double_votes,
        amnesias,
        usurpations,
        unshown_logs,
        broken_blocks,
        forks,
        stale_generations,
        split_views,
    )
    return {name: evidence for make in makers for name, evidence in make()}


def make_vector(evidence: Evidence) -> Mapping[str, object]:
    """Say what is to be made of evidence, beside its file and its canonical form."""
    outcome: dict[str, object]
    try:
        found = judge(evidence, ELECTORATE)
    except EvidenceError as error:
        outcome = {"error": str(error)}
    else:
        outcome = {"error": None, "guilt": found.guilt, "culprits": found.culprits}
        if found.others:
            outcome["others"] = dict(found.others)
    encoded = encode_evidence(evidence)
    return {
        **outcome,
        "id": evidence_id(encoded).hex(),
        "canonical": encoded.hex(),
        "evidence": msgspec.Raw(format_evidence(evidence)),
    }


def write_vectors() -> None:
    """Write all vectors, and the genesis file of their ledger."""
    VECTORS.mkdir(exist_ok=True)
    (VECTORS / "genesis.json").write_bytes(make_genesis().encoded)
    for name, evidence in all_cases().items():
        text = msgspec.json.format(msgspec.json.encode(make_vector(evidence)), indent=2)
        (VECTORS / f"{name}.json").write_bytes(text + b"\n")


if __name__ == "__main__":
    write_vectors()
