"""What a chaos run sees of its network: who leads by majority, and how long nobody did."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from founding import make_genesis
from lab.chaos.history import History, Outcome, Place, Submission
from lab.chaos.network import Network
from lab.chaos.preload import Preloads
from lab.chaos.sites import Site
from lab.chaos.voter import Voter
from lab.chaos.watch import Loss, Status, Storage, Watch

NAMES = ("bw-1", "za-2", "ae-3")


class Clock:
    """Goes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def watch(tmp_path: Path, clock: Clock) -> AsyncIterator[Watch]:
    site = Site("nowhere", "127.0.0.1", "127.0.0.1", tmp_path)
    nothing = Preloads(None, None)
    voters = {
        name: Voter(name, site, tmp_path / f"{name}.log", nothing, lambda _: None) for name in NAMES
    }
    network = Network(make_genesis(), tmp_path, voters, {})
    with (tmp_path / "history").open("wb") as file:
        async with aiohttp.ClientSession() as session:
            yield Watch(network, session, History(file), clock)


def say(watch: Watch, name: str, leader: str | None, term: int, failed: str | None = None) -> None:
    role = "leader" if name == leader else "follower"
    storage = Storage(failed=failed)
    watch.take(
        name,
        Status(
            role=role, term=term, leader=leader, tree_size=0, height=1, head="", storage=storage
        ),
    )


def elect(watch: Watch, leader: str, term: int, *followers: str) -> None:
    for name in (leader, *followers):
        say(watch, name, leader, term)


def times_of(loss: Loss) -> tuple[float | None, float | None]:
    return loss.led_s, loss.acked_s


def acknowledge(watch: Watch, invoked_s: float, returned_s: float) -> None:
    watch.history.add(
        Submission(
            client="one",
            node="bw-1",
            event="a",
            invoked_s=invoked_s,
            returned_s=returned_s,
            outcome=Outcome.OK,
            place=Place(1, 0),
        )
    )


def test_leader_is_who_leads_and_is_named_by_a_majority(watch: Watch) -> None:
    say(watch, "bw-1", "bw-1", 1)
    assert watch.agreed() is None
    say(watch, "za-2", "bw-1", 1)
    assert watch.agreed() == ("bw-1", 1)


def test_majority_that_names_one_who_does_not_lead_has_no_leader(watch: Watch) -> None:
    say(watch, "za-2", "bw-1", 1)
    say(watch, "ae-3", "bw-1", 1)
    assert watch.agreed() is None
    say(watch, "bw-1", "bw-1", 2)
    assert watch.agreed() is None


def test_node_that_has_not_answered_for_a_second_names_nobody(watch: Watch, clock: Clock) -> None:
    elect(watch, "bw-1", 1, "za-2")
    clock.now_s += 1
    say(watch, "bw-1", "bw-1", 1)
    assert watch.agreed() is None


def test_loss_lasts_until_a_later_leader_is_agreed_on_and_takes_a_new_write(
    watch: Watch, clock: Clock
) -> None:
    elect(watch, "bw-1", 1, "za-2", "ae-3")
    with watch.losing("kill", "bw-1"):
        (loss,) = watch.losses
        acknowledge(watch, 99.0, 100.5)
        clock.now_s = 101.0
        say(watch, "za-2", "za-2", 2)
        assert times_of(loss) == (None, None)
        clock.now_s = 101.5
        say(watch, "ae-3", "za-2", 2)
        assert times_of(loss) == (1.5, None)
        acknowledge(watch, 100.5, 102.0)
    assert times_of(loss) == (1.5, 2.0)
    assert loss.is_healthy


def test_loss_of_who_does_not_lead_is_not_measured(watch: Watch) -> None:
    elect(watch, "bw-1", 1, "za-2", "ae-3")
    with watch.losing("kill", "za-2"):
        assert watch.losses == []


def test_loss_without_another_leader_stays_open_for_good(watch: Watch) -> None:
    elect(watch, "bw-1", 1, "za-2", "ae-3")
    with watch.losing("stop", "bw-1"):
        pass
    elect(watch, "za-2", 2, "ae-3")
    assert [loss.led_s for loss in watch.losses] == [None]


def test_loss_is_not_healthy_when_a_majority_suffers_before_the_next_leader(watch: Watch) -> None:
    elect(watch, "bw-1", 1, "za-2", "ae-3")
    with watch.impaired(["bw-1"]), watch.losing("kill", "bw-1"):
        found = [watch.losses[0].is_healthy]
        with watch.impaired(["ae-3"]):
            found.append(watch.losses[0].is_healthy)
    assert found == [True, False]


def test_voter_is_ill_until_it_follows_again(watch: Watch) -> None:
    elect(watch, "bw-1", 1, "za-2", "ae-3")
    found = [watch.is_calm]
    with watch.impaired(["ae-3"]):
        found.append(watch.is_calm)
    found.append(watch.is_calm)
    with watch.impaired(["bw-1"]), watch.losing("kill", "bw-1"):
        found.append(watch.losses[0].is_healthy)
    elect(watch, "bw-1", 1, "za-2", "ae-3")
    found.append(watch.is_calm)
    assert found == [True, False, False, False, True]


def test_latch_is_allowed_on_a_full_disk_only(watch: Watch) -> None:
    watch.network.voters["bw-1"].is_full = True
    say(watch, "bw-1", None, 1, failed="no space")
    say(watch, "za-2", None, 1, failed="entry 7 is committed before it was staged")
    assert list(watch.latched.values()) == [True, False]
