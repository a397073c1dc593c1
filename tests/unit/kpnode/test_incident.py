"""What is told of trouble that comes a thousand times."""

import asyncio
import logging

import pytest

import kpnode.incident
from kpnode.incident import Incident


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kpnode.incident, "QUIET_S", 0.05)


async def test_an_incident_is_told_when_it_begins_and_when_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    incident = Incident(logging.getLogger("kpnode.test"), "a stranger knocks")
    for number in range(1000):
        incident.note(number)
    async with asyncio.timeout(20):
        while len(caplog.messages) < 2:  # noqa: ASYNC110 (no event)
            await asyncio.sleep(0.01)
    assert caplog.messages == [
        "a stranger knocks: 0",
        "a stranger knocks: over; it happened 1000 times within 1 s",
    ]
    incident.note("again")
    assert caplog.messages[2:] == ["a stranger knocks: again"]


async def test_what_happened_once_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    incident = Incident(logging.getLogger("kpnode.test"), "a stranger knocks")
    incident.note("once")
    async with asyncio.timeout(20):
        while incident._times:  # noqa: ASYNC110 (no event)
            await asyncio.sleep(0.01)
    assert caplog.messages == ["a stranger knocks: once"]
