"""The plan of a chaos run depends on its seed alone, and leaves no kind of fault out."""

from itertools import islice

from lab.chaos.plan import Episode, draw_plan

LOSSES = ("kill", "stop", "isolate")
OTHERS = tuple(f"fault-{number}" for number in range(7))


def plan(seed: int, episodes: int = 40) -> list[Episode]:
    return list(islice(draw_plan(seed, LOSSES, OTHERS), episodes))


def test_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    assert plan(1) == plan(1)
    assert plan(1) != plan(2)


def test_every_second_episode_is_the_loss_of_a_leader_alone() -> None:
    for place, episode in enumerate(plan(3)):
        assert episode.is_measured == (place % 2 == 0)
        kinds = [planned.fault for planned in episode.faults]
        assert set(kinds) <= set(LOSSES if episode.is_measured else OTHERS)
        assert len(kinds) == 1 or not episode.is_measured


def test_every_kind_has_its_turn_before_any_comes_again() -> None:
    losses = [episode.faults[0].fault for episode in plan(4) if episode.is_measured]
    assert set(losses[:3]) == set(losses[3:6]) == set(LOSSES)
    assert {planned.fault for one in plan(4) for planned in one.faults} == {*LOSSES, *OTHERS}


def test_no_kind_happens_twice_at_once_though_faults_overlap() -> None:
    episodes = [one for seed in range(20) for one in plan(seed)]
    for episode in episodes:
        kinds = [planned.fault for planned in episode.faults]
        assert len(set(kinds)) == len(kinds)
    assert max(len(episode.faults) for episode in episodes) == 3


def test_plan_can_leave_out_lost_leaders_or_all_others() -> None:
    only_losses = list(islice(draw_plan(5, LOSSES, ()), 10))
    only_others = list(islice(draw_plan(5, (), OTHERS), 10))
    assert all(episode.is_measured for episode in only_losses)
    assert not any(episode.is_measured for episode in only_others)
