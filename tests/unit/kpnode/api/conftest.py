"""What the tests of the API share: a node that serves it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from serving import Served, serve

from kpnode.api.served import ApiLimits


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serve(tmp_path / "ledger", ApiLimits()) as one:
        yield one
