"""Each checker of changes of voters notices what it is there for, and nothing that is right."""

import pytest
from lab.invariants import ActiveConfigurations, HandOver, OneChangeAtATime, ViolationError
from sim.sightings import GENESIS, A, B, C, ack, change, disk, entry, picture, said

from kpnode.raft import Configuration, Term, TimeoutNow, TransferRequested


def test_configurations_that_are_not_those_of_the_log_are_noticed() -> None:
    log = disk(1)
    log.write(None, (change(1, 1, A, B),))
    old, new = GENESIS.configuration, Configuration((A, B))
    checker = ActiveConfigurations()
    checker.on_status(A, 0, picture(configurations=(old, new)), log)
    checker.on_status(A, 0, picture(commit=1, configurations=(new,)), log)
    for wrong in ((old,), (new,)):
        with pytest.raises(ViolationError, match="a takes"):
            checker.on_status(A, 0, picture(configurations=wrong), log)
    log.write(None, (entry(1, 2),))
    with pytest.raises(ViolationError, match="its log says"):
        checker.on_status(A, 0, picture(configurations=(old, new)), log)


def test_change_in_a_term_that_is_not_open_is_noticed() -> None:
    log = disk(2, A, 1, 2)
    log.write(None, (change(3, 2, A, B),))
    OneChangeAtATime().on_status(A, 0, picture(term=2, commit=2), log)
    with pytest.raises(ViolationError, match="a changes voters at 3, its term is not open"):
        OneChangeAtATime().on_status(A, 0, picture(term=2, commit=1), log)


def test_second_change_at_a_time_is_noticed() -> None:
    log = disk(1, A, 1)
    log.write(None, (change(2, 1, A, B), change(3, 1, A, C)))
    OneChangeAtATime().on_status(A, 0, picture(commit=2), log)
    with pytest.raises(ViolationError, match="a changes voters at 3, 2 is pending"):
        OneChangeAtATime().on_status(A, 0, picture(commit=1), log)


def test_successor_named_without_a_reason_is_noticed() -> None:
    handed = said(A, B, TimeoutNow(Term(1)))
    with pytest.raises(ViolationError, match="a hands over to b, unasked"):
        HandOver().on_message(handed, disk(1, A, 1))
    removed = disk(1, A, 1)
    removed.write(None, (change(2, 1, B, C),))
    checker = HandOver()
    checker.on_status(A, 0, picture(commit=2), removed)
    checker.on_message(handed, removed)


def test_successor_that_lags_behind_is_noticed() -> None:
    checker = HandOver()
    checker.on_wish(A, TransferRequested(1, B))
    handed = said(A, B, TimeoutNow(Term(1)))
    checker.on_message(said(B, A, ack(1, 1)), disk())
    with pytest.raises(ViolationError, match="which acknowledged 1 of 2"):
        checker.on_message(handed, disk(1, A, 1, 1))
    checker.on_message(said(B, A, ack(1, 2)), disk())
    checker.on_message(handed, disk(1, A, 1, 1))
