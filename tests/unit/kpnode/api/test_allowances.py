"""What a client sends in vain is counted for itself alone."""

import pytest

from kpnode.api.allowances import Allowances
from kpnode.api.problems import ProblemError


def test_whoever_has_sent_too_much_in_vain_waits_and_nobody_else() -> None:
    allowances = Allowances()
    mine = allowances.of("me")
    mine.spend(99)
    assert allowances.of("me") == mine
    mine.spend(1000)
    assert mine.is_spent
    with pytest.raises(ProblemError) as caught:
        allowances.of("me")
    assert caught.value.problem.status == 429
    assert not allowances.of("you").is_spent
