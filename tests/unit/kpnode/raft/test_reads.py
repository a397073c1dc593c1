"""Every batch of reads has a round of its own."""

from kpnode.raft import Index, ReadGrant
from kpnode.raft.reads import ReadQueue


def test_read_is_granted_by_its_own_round_or_a_later_one() -> None:
    queue = ReadQueue()
    queue.waiting += [1, 2]
    queue.begin_round(Index(5))
    queue.waiting.append(3)
    queue.begin_round(Index(6))
    queue.waiting.append(4)
    assert queue.confirm(0) == ()
    assert queue.confirm(1) == (ReadGrant(1, Index(5)), ReadGrant(2, Index(5)))
    assert (len(queue), queue.tickets()) == (2, (3, 4))
    assert queue.confirm(9) == (ReadGrant(3, Index(6)),)
    assert queue.tickets() == (4,)


def test_round_that_is_confirmed_confirms_all_before_it() -> None:
    queue = ReadQueue()
    for ticket in (1, 2):
        queue.waiting.append(ticket)
        queue.begin_round(Index(5 + ticket))
    assert queue.confirm(2) == (ReadGrant(1, Index(6)), ReadGrant(2, Index(7)))
    assert len(queue) == 0
