"""What the tests of the flags share: somebody who trades."""

import pytest
from flagging import Trader


@pytest.fixture
def trader() -> Trader:
    return Trader()
