"""What a candidate shows of its log, and who may vote for it: the extended vote rule."""

from typing import Final

import pytest
from branches import Branch, sign_header
from electing import elect, finalise
from founding import make_genesis, vary

from kpledger.base.codec import encode
from kpledger.base.errors import LedgerError
from kpledger.log.certificates import CommitCertificate
from kpledger.log.path import ShownHeader
from kpledger.log.statements import Electorate, LogEnd, verifies
from kpnode.notary.attachment import Attachment
from kpnode.notary.claims import Claim, denies, find_lacked, find_objection, read_claim

ELECTORATE: Final = Electorate.of(make_genesis())

COMMON: Final = Branch().open(1, "bw-1").make(count=2)
"""Blocks 1 to 3: what every branch here begins with."""
LONG: Final = COMMON.make(count=2)
"""Blocks 4 and 5 of the leader of term 1, which made others in their place as well."""
OTHER: Final = COMMON.make(1, count=2)
LATER: Final = COMMON.open(2, "eu-1").make()
"""Blocks 4 and 5 of term 2, whose leader was elected without any more of term 1."""


def read(
    branch: Branch,
    *,
    first: int = 1,
    final: CommitCertificate | None = None,
    claimed: tuple[int, int] | None = None,
    held: Branch | None = None,
    voteless_up_to: int = 0,
) -> Claim:
    """Read what a candidate with this log shows of it from a height on."""
    shown = branch.shown[first - 1 :]
    heads = () if held is None else held.heads
    return read_claim(
        Attachment(path=shown, commit=None if final is None else encode(final)),
        ELECTORATE,
        claimed=branch.end.place if claimed is None else claimed,
        holds=lambda end: end.head in heads,
        voteless_up_to=voteless_up_to,
        check=verifies,
    )


def test_claim_is_read_from_the_first_block_or_from_a_final_one() -> None:
    assert read(Branch()).end == Branch().end
    assert read(LONG).end == LONG.end
    final = COMMON.finalise()
    claim = read(LONG, first=3, final=final)
    assert (claim.end, claim.certificate, len(claim.path)) == (LONG.end, final, 3)
    assert read(LONG, first=5, final=LONG.finalise()).end == LONG.end
    assert read(LONG, first=2, held=COMMON).end == LONG.end


def test_claim_gives_its_blocks_by_height() -> None:
    claim = read(LONG, first=3, final=COMMON.finalise())
    blocks = [claim.at(height) for height in range(7)]
    heads = [None if one is None else one.head for one in blocks]
    assert heads == [None, None, None, *LONG.heads[2:], None]
    shown = (None, None, None, *LONG.shown[2:], None)
    assert tuple(claim.shown_at(height) for height in range(7)) == shown
    empty = read(Branch())
    assert (empty.at(0), empty.at(1), empty.shown_at(1)) == (None, None, None)


def forge(branch: Branch, **changes: object) -> Branch:
    """Change the newest header, and sign it anew."""
    header = vary(branch.header, **changes)
    return Branch((*branch.shown[:-1], sign_header(header)))


GAP: Final = Branch((*LONG.shown[:3], LONG.shown[4]))
UNSIGNED: Final = Branch(
    (*LONG.shown[:4], ShownHeader(header=LONG.shown[4].header, seal=bytes(64)))
)
UNELECTED: Final = COMMON.follow(elect("eu-1", term=2, base=COMMON.end, voters=("eu-1",)))
MISPLACED: Final = COMMON.follow(elect("eu-1", term=2, base=LONG.end))


@pytest.mark.parametrize(
    ("branch", "options", "problem"),
    [
        (LONG, {"claimed": (1, 6)}, "claims"),
        (LONG, {"claimed": (2, 5)}, "claims"),
        (Branch(), {"claimed": (1, 1)}, "claims"),
        (LONG, {"first": 2}, "nothing shows that block 2 is of this chain"),
        (LONG, {"first": 3, "held": OTHER.open(2, "eu-1")}, None),
        (LONG, {"first": 4, "held": OTHER}, "nothing shows that block 4"),
        (LONG, {"first": 2, "final": COMMON.finalise()}, "nothing shows that block 2"),
        (LONG, {"first": 5, "final": OTHER.finalise()}, "nothing shows that block 5"),
        (LONG, {"first": 5, "final": finalise(LONG.end, voters=("bw-1",))}, "2 are needed"),
        (GAP, {}, "shown after 3"),
        (UNSIGNED, {}, "signature"),
        (forge(LONG, prev_head=bytes(32)), {}, "does not follow"),
        (forge(LONG, term=2), {}, "which no block has opened"),
        (forge(LONG, leader="eu-1"), {}, "where bw-1 leads"),
        (forge(LONG, chain=bytes(32)), {}, "another ledger"),
        (UNELECTED, {}, "2 are needed"),
        (MISPLACED, {}, "the votes are for a log that ends with block 5"),
    ],
)
def test_claim_that_shows_something_else_is_refused(
    branch: Branch, options: dict[str, object], problem: str | None
) -> None:
    if problem is None:
        assert read(branch, **options).end == branch.end  # type: ignore[arg-type]
        return
    with pytest.raises(LedgerError, match=problem):
        read(branch, **options)  # type: ignore[arg-type]


def test_claim_over_a_term_without_votes_holds_up_to_the_height_of_an_earlier_version() -> None:
    voteless = Branch((ShownHeader(header=COMMON.shown[0].header, seal=b""), *LONG.shown[1:]))
    assert read(voteless, voteless_up_to=1).end == voteless.end
    with pytest.raises(LedgerError):
        read(voteless)


TWICE: Final = LONG.make().open(2, "eu-1")
FIRST_FINAL: Final = COMMON.finalise()


def read_end(branch: Branch) -> Claim:
    """Read the claim of a log whose last block is final."""
    return read(branch, first=branch.end.index, final=branch.finalise())


@pytest.mark.parametrize(
    ("claim", "own", "pinned", "objection"),
    [
        # The same log, a longer one, a shorter one, one of an earlier term.
        (read(LONG), LONG.end, None, None),
        (read(LONG), COMMON.end, None, None),
        (read(LONG), Branch().end, None, None),
        (read(Branch()), Branch().end, None, None),
        (read(COMMON), LONG.end, None, "before"),
        (read(Branch()), COMMON.end, None, "before"),
        (read(LONG.make(count=2)), LATER.end, None, "before"),
        # Two branches of one term: whoever has acknowledged one keeps to it ...
        (read(OTHER), LONG.end, None, "was acknowledged"),
        (read(OTHER.make(count=3)), LONG.end, None, "was acknowledged"),
        # ... unless the other one is final at its height or above.
        (read_end(OTHER), LONG.end, None, None),
        (read_end(OTHER.make()), LONG.end, None, None),
        (read(OTHER, first=4, final=COMMON.make(1).finalise()), LONG.end, None, "acknowledged"),
        (read(OTHER, first=3, final=FIRST_FINAL), LONG.end, None, "was acknowledged"),
        # A later leader was elected without what the voter holds: as in plain Raft.
        (read(LATER), LONG.end, None, None),
        (read(COMMON.open(2, "eu-1")), LONG.end, None, None),
        (read(LATER, first=3, final=FIRST_FINAL), LONG.end, None, None),
        # Also if it was elected with the other branch of a leader who made two.
        (read(OTHER.open(2, "eu-1")), LONG.end, None, None),
        (read_end(OTHER.open(2, "eu-1")), LONG.end, None, None),
        # What is final of an earlier term outweighs nothing: the term was opened after another log.
        (read(TWICE, first=6, final=LONG.make().finalise()), LATER.end, None, "acknowledged"),
        # What is known to be final has to be there, or something final of that term beyond it.
        (read(LONG), LONG.end, FIRST_FINAL, None),
        (read(LONG, first=3, final=FIRST_FINAL), LONG.end, FIRST_FINAL, None),
        (read(LATER), LONG.end, LONG.finalise(), "block 5, which is final"),
        (read(LATER, first=3, final=FIRST_FINAL), LONG.end, LONG.finalise(), "which is final"),
        (read_end(LONG.open(2, "eu-1")), LONG.end, LONG.finalise(), None),
    ],
)
def test_extended_vote_rule(
    claim: Claim, own: LogEnd, pinned: CommitCertificate | None, objection: str | None
) -> None:
    found = find_objection(claim, own, pinned)
    if objection is None:
        assert found is None
    else:
        assert objection in str(found)


def part(own: Branch, claim: Claim, *, above: int = 0) -> LogEnd | None:
    """Find which block of a voter's own log a candidate's lacks."""

    def place_at(height: int) -> LogEnd | None:
        return Branch(own.shown[:height]).end if height <= own.end.index else None

    return find_lacked(claim, own.end, place_at, above)


FOURTH: Final = Branch(LONG.shown[:4]).end
"""Which only LONG and what follows it hold."""


@pytest.mark.parametrize(
    ("claim", "above", "expected"),
    [
        (read(LONG), 0, None),
        (read(LONG.make()), 0, None),
        (read(OTHER), 0, FOURTH),
        (read(LATER), 0, FOURTH),
        # A log that ends before, also before what is final: that is not in question.
        (read(COMMON), 0, FOURTH),
        (read(Branch()), 3, FOURTH),
        (read(Branch()), 0, Branch(LONG.shown[:1]).end),
        # No more is shown than its last block, which is final.
        (read_end(OTHER), 0, LONG.end),
    ],
)
def test_lowest_block_that_a_candidate_lacks(
    claim: Claim, above: int, expected: LogEnd | None
) -> None:
    assert part(LONG, claim, above=above) == expected


@pytest.mark.parametrize(
    ("claim", "term", "expected"),
    [
        (read(LONG), 2, False),
        # Of two branches of one term it has acknowledged one ...
        (read(OTHER), 1, True),
        (read(OTHER), 2, True),
        # ... and what its log ends before it may still acknowledge, as long as the term lasts.
        (read(COMMON), 1, False),
        (read(COMMON), 2, True),
        (read(Branch()), 2, True),
        # What a later leader replaced it may have acknowledged.
        (read(LATER), 2, False),
        (read(OTHER.open(2, "eu-1")), 2, False),
        # What lies below all that is shown it may hold.
        (read_end(LONG.make()), 2, False),
    ],
)
def test_candidate_shows_what_it_never_acknowledged(
    claim: Claim, term: int, *, expected: bool
) -> None:
    assert denies(claim, FOURTH, term) is expected
