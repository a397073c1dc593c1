"""Who gets in, and who gives way."""

import asyncio
import logging

import pytest
from aiohttp import EMPTY_PAYLOAD, StreamReader
from aiohttp.base_protocol import BaseProtocol

from kpnode.incident import Incident
from kpnode.listening.connections import Connection, ConnectionLimits, Connections
from kpnode.sites import Site, read_address, site_of

LIMITS = ConnectionLimits(total=8, share=4, reserved=2)
A, B, C, D = (Site(f"192.0.2.{last}") for last in range(1, 5))


class Seen(Connection):
    """A connection that says when it was ended."""

    is_over = False

    def end(self) -> None:
        self.is_over = True


class Port:
    """The connections of a port, at a time that a test sets."""

    def __init__(self, limits: ConnectionLimits = LIMITS) -> None:
        self.now_s = 0.0
        log = logging.getLogger("test")
        self.connections = Connections(limits, lambda: self.now_s, Incident(log, "crowded"))

    def connect(self, site: Site, *, is_preferred: bool = False) -> Seen | None:
        one = Seen(self.connections, asyncio.Protocol(), site, is_preferred=is_preferred)
        return one if self.connections.admit(one) else None

    def fill(self, site: Site, count: int, *, is_preferred: bool = False) -> list[Seen]:
        found = [self.connect(site, is_preferred=is_preferred) for _ in range(count)]
        assert None not in found
        return [one for one in found if one is not None]


@pytest.fixture
async def port() -> Port:
    return Port()


def over(connections: list[Seen]) -> list[bool]:
    return [one.is_over for one in connections]


async def test_a_site_with_its_share_gives_up_what_has_waited_longest(port: Port) -> None:
    first = port.fill(A, 4)
    assert port.connect(A) is not None
    assert over(first) == [True, False, False, False]
    port.connections.serve(first[1], EMPTY_PAYLOAD)
    assert port.connect(A) is not None
    assert over(first) == [True, False, True, False]
    assert len(port.connections) == 4


async def test_a_quiet_site_is_not_pushed_out_by_those_in_haste() -> None:
    port = Port(ConnectionLimits(total=2, share=2))
    hasty = (B, C) * 20
    for site in hasty:
        port.connect(site)
    quiet = port.fill(A, 1)
    for site in hasty:
        port.connect(site)
    assert over(quiet) == [False]


async def test_a_site_with_its_share_at_work_is_turned_away(port: Port) -> None:
    for one in port.fill(A, 4):
        port.connections.serve(one, EMPTY_PAYLOAD)
    assert port.connect(A) is None
    assert port.connect(B) is not None


async def test_strangers_leave_the_reserved_places_alone(port: Port) -> None:
    strangers = [*port.fill(A, 3), *port.fill(B, 3)]
    preferred = port.fill(C, 2, is_preferred=True)
    assert over(strangers) == [False] * 6
    assert port.connect(D) is not None
    assert over(preferred) == [False, False]
    assert sum(over(strangers)) == 1


async def test_where_all_is_full_the_largest_site_gives_way_and_the_smallest_never(
    port: Port,
) -> None:
    few, many = port.fill(B, 2), port.fill(A, 4)
    assert port.connect(C) is not None
    assert (over(many), over(few)) == ([True, False, False, False], [False, False])
    # Who has as many as the largest takes the place of its own.
    (third,) = port.fill(B, 1)
    assert over(many) == [True, True, False, False]
    assert port.connect(B) is not None
    assert (over(few), third.is_over) == ([True, False], False)


async def test_a_preferred_site_has_no_share_and_yet_gives_way(port: Port) -> None:
    preferred = port.fill(A, 8, is_preferred=True)
    assert port.connect(B) is not None
    assert over(preferred) == [True] + [False] * 7


async def test_whoever_waits_again_waits_from_then_on(port: Port) -> None:
    first, second = port.fill(A, 2)
    port.now_s = 5.0
    port.connections.serve(first, EMPTY_PAYLOAD)
    port.now_s = 9.0
    port.connections.wait(first)
    port.now_s = 12.0
    port.connections.end_overdue(10.0)
    assert (first.is_over, second.is_over) == (False, True)
    port.now_s = 19.0
    port.connections.end_overdue(10.0)
    assert first.is_over


async def test_a_request_without_its_body_gives_way_and_is_not_overdue(port: Port) -> None:
    loop = asyncio.get_running_loop()
    body = StreamReader(BaseProtocol(loop), 2**16, loop=loop)
    receiving, *others = port.fill(A, 4)
    for one in others:
        port.connections.serve(one, EMPTY_PAYLOAD)
    port.connections.serve(receiving, body)
    port.now_s = 100.0
    port.connections.end_overdue(10.0)
    assert not receiving.is_over
    body.feed_eof()
    assert port.connect(A) is None
    another = StreamReader(BaseProtocol(loop), 2**16, loop=loop)
    port.connections.serve(receiving, another)
    assert port.connect(A) is not None
    assert receiving.is_over


async def test_what_has_ended_leaves_nothing(port: Port) -> None:
    for one in port.fill(A, 4):
        port.connections.remove(one)
        port.connections.remove(one)
        port.connections.wait(one)
    assert (len(port.connections), port.connections._holdings) == (0, {})
    assert over(port.fill(A, 4)) == [False] * 4


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
    ],
)
def test_a_site_is_what_one_client_commonly_has(one: str, other: str, *, is_same: bool) -> None:
    assert (site_of(read_address(one)) == site_of(read_address(other))) is is_same
