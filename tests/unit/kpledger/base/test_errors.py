"""Errors of the library: what is left of them on the way from one process to another."""

from copy import copy

import pytest

from kpledger.base.errors import BadSignatureError, LedgerError, OversizedError
from kpledger.log.invalid_block import InvalidBlockError


@pytest.mark.parametrize(
    "error",
    [
        LedgerError("broken"),
        BadSignatureError("a statement", bytes(32)),
        OversizedError("a block", size=2, limit=1),
        InvalidBlockError(7, "prev_head", "another block is final"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_copy_says_the_same_whatever_its_class_is_made_from(error: LedgerError) -> None:
    """Pickle copies in the same way."""
    copied = copy(error)
    assert type(copied) is type(error)
    assert str(copied) == str(error)
    assert vars(copied) == vars(error)
