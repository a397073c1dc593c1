"""Evidence that a peer shows is judged aside, and as much of it as is worth the time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import pytest
from electing import signer_of
from single_engine import HONEST, LIAR, ME

from kpledger.log.conviction import Guilt
from kpledger.log.evidence import DoubleVote
from kpledger.log.evidence_file import encode_evidence
from kpledger.log.statements import LogEnd
from kpnode.runtime.showing import Showing
from kpnode.runtime.verifier import Verifier
from kpnode.signatures import Signatures
from kpnode.step import ShownEvidence

LONG: Final = bytes(5 << 20)
"""No evidence, and as long as the longest."""


@pytest.fixture
async def verifier() -> AsyncIterator[Verifier]:
    verifier = Verifier(Signatures(), name="test")
    verifier.start()
    yield verifier
    await verifier.close()


def make_showing(verifier: Verifier) -> tuple[Showing, list[ShownEvidence]]:
    taken: list[ShownEvidence] = []
    return Showing(verifier, signer_of(ME).electorate, taken.append), taken


def vote_for(*candidates: str) -> bytes:
    """Show two votes of the liar in one term."""
    end = LogEnd(term=0, index=0, head=bytes(32))
    first, second = (
        signer_of(LIAR).vote(one, term=1, candidate_end=end, voter_end=end) for one in candidates
    )
    return encode_evidence(DoubleVote(first=first, second=second))


async def finish(verifier: Verifier) -> None:
    """Let all be judged that was taken."""
    async with asyncio.timeout(10):
        await verifier.begin(lambda: None)
        await asyncio.sleep(0)


async def test_what_convicts_is_handed_on_and_nothing_else(verifier: Verifier) -> None:
    showing, taken = make_showing(verifier)
    for shown in (vote_for(ME, ME), b"", vote_for(ME, HONEST), LONG):
        showing.take(HONEST, shown, ())
    await finish(verifier)
    (found,) = taken
    assert found.exhibit.encoded == vote_for(ME, HONEST)
    assert (found.exhibit.conviction.culprits, found.exhibit.conviction.guilt) == (
        (LIAR,),
        Guilt.LIE,
    )
    # Whoever meets this node again shows it again.
    showing.take(HONEST, vote_for(ME, HONEST), [found.exhibit])
    await finish(verifier)
    assert taken == [found]


async def test_who_shows_too_much_is_not_listened_to(verifier: Verifier) -> None:
    """To judge the longest piece takes two seconds of a processor."""
    showing, taken = make_showing(verifier)
    for _ in range(10):
        showing.take(LIAR, LONG, ())
    showing.take(LIAR, vote_for(ME, HONEST), ())
    await finish(verifier)
    assert taken == []
    showing.take(HONEST, vote_for(ME, HONEST), ())
    await finish(verifier)
    assert len(taken) == 1
