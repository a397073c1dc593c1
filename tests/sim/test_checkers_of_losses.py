"""The checker of lost entries notices what it is there for, and nothing that is right."""

import pytest
from lab.invariants import QuietAfterLoss, ViolationError
from sim.sightings import GENESIS, A, B, disk, picture, said

from kpnode.raft import Index, PreVoteRequest, Role, Status, Term

ASKS = said(A, B, PreVoteRequest(Term(2), Index(0), Term(0)))


def follower(lost_up_to: int) -> Status:
    return picture(Role.FOLLOWER, lost_up_to=lost_up_to)


def test_campaign_of_a_node_that_knows_of_its_loss_is_noticed() -> None:
    checker = QuietAfterLoss()
    checker.on_status(A, 0, follower(5), disk(1))
    checker.on_status(A, 1, follower(5), disk(1))
    with pytest.raises(ViolationError, match="a campaigns, but lost entries up to 5"):
        checker.on_message(ASKS, disk(1))


@pytest.mark.parametrize(("before", "after"), [(0, 5), (5, 0)])
def test_campaign_may_come_before_the_news_or_after_the_repair(before: int, after: int) -> None:
    checker = QuietAfterLoss()
    checker.on_status(A, 0, follower(before), disk(1))
    checker.on_status(A, 1, follower(after), disk(1))
    checker.on_message(ASKS, disk(1))


def test_node_that_starts_knows_of_no_loss() -> None:
    checker = QuietAfterLoss()
    checker.on_status(A, 0, follower(5), disk(1))
    checker.on_status(A, 1, follower(5), disk(1))
    checker.on_start(A, disk(1), GENESIS)
    checker.on_message(ASKS, disk(1))
