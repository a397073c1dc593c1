"""How the descriptors of a process are shared out."""

import pytest

from kpnode.errors import SetupError
from kpnode.listening.descriptors import share_descriptors


@pytest.mark.parametrize("limit", [512, 1024, 8192, 1_048_576])
def test_connections_leave_what_all_else_needs(limit: int) -> None:
    api, peers = share_descriptors(limit, peers=4, database=256)
    taken = api.total + peers.total
    assert taken + 256 + 64 <= limit
    for one in (api, peers):
        assert 0 < one.share < one.total // 2 - one.reserved


def test_too_few_are_refused_with_what_to_set() -> None:
    with pytest.raises(SetupError, match=r"have 128 .* needs (\d+) .*LimitNOFILE=8192"):
        share_descriptors(128, peers=4, database=256)


def test_what_is_said_to_be_enough_is() -> None:
    with pytest.raises(SetupError) as caught:
        share_descriptors(128, peers=8, database=256)
    least = int(str(caught.value).partition("needs ")[2].split()[0])
    share_descriptors(least, peers=8, database=256)
    with pytest.raises(SetupError):
        share_descriptors(least - 1, peers=8, database=256)
