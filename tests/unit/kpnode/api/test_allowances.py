"""What a client sends in vain is counted for itself alone, and forgotten after a while."""

import pytest

from kpnode.api.allowances import Allowances
from kpnode.api.problems import ProblemError


class Hands:
    """A clock that a test moves."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def hands() -> Hands:
    return Hands()


def is_let_in(allowances: Allowances, client: str) -> bool:
    try:
        allowances.of(client)
    except ProblemError as error:
        if error.problem.status != 429:
            raise
        return False
    return True


def test_whoever_has_sent_too_much_in_vain_waits_and_nobody_else(hands: Hands) -> None:
    allowances = Allowances(hands)
    mine = allowances.of("me")
    mine.spend(99)
    assert is_let_in(allowances, "me")
    mine.spend(0)
    mine.spend(1)
    assert mine.is_spent
    assert not is_let_in(allowances, "me")
    assert is_let_in(allowances, "you")
    hands.now_s += 0.2
    assert is_let_in(allowances, "me")


def test_nobody_is_kept_out_for_longer_than_a_minute(hands: Hands) -> None:
    allowances = Allowances(hands)
    allowances.of("me").spend(1_000_000)
    hands.now_s += 59
    assert not is_let_in(allowances, "me")
    hands.now_s += 2
    assert is_let_in(allowances, "me")


def test_clients_that_are_remembered_are_bounded(hands: Hands) -> None:
    allowances = Allowances(hands)
    allowances.of("first").spend(1000)
    for other in range(10_000):
        allowances.of(other).spend(1)
    assert is_let_in(allowances, "first")
