"""One step of the walk: an area, an act, and now and then something wrong with it."""

from collections.abc import Callable
from random import Random

from naive.dates import DAY

from kpledger.scheme.v1.events import life
from walk import filing, governing
from walk.bench import Bench
from walk.chance import Act, Chance
from walk.issuing import draw_issue, draw_replacement, draw_technical
from walk.shipping import ON_PAPER, draw_case, draw_case_step, draw_step

Draw = Callable[[Chance], Act | None]

SPOILED_PERCENT = {"govern": 25, "file": 25}
"""How often something is wrong with a statement of an area, against 12 of the others."""


def weighed(chance: Chance, draws: dict[str, tuple[Draw, int]]) -> Act | None:
    names = {name: weight for name, (_, weight) in draws.items()}
    return draws[chance.weighed(names)][0](chance)


AREAS: dict[str, Draw] = {
    "issue": draw_issue,
    "technical": draw_technical,
    "replace": draw_replacement,
    "ship": lambda chance: draw_step(chance, ON_PAPER),
    "open_case": draw_case,
    "case": draw_case_step,
    "govern": lambda chance: weighed(chance, governing.DRAWS),
    "file": lambda chance: weighed(chance, filing.DRAWS),
}
WEIGHTS = {
    "issue": 14,
    "technical": 2,
    "replace": 3,
    "ship": 46,
    "open_case": 2,
    "case": 6,
    "govern": 16,
    "file": 18,
}


def take_step(bench: Bench, area: str, seed: int) -> str | None:
    """Draw an act of an area and say it; give the rule that refuses it, if one does."""
    chance = bench.chance(seed)
    act = AREAS[area](chance)
    if act is None:
        return None
    while chance.likely(SPOILED_PERCENT.get(area, 12)):
        act = chance.spoil(act)
    return bench.say(act)


FLOOD_EVENTS = 40
"""More notes of the longest kind than the quotas of a walk let pass at once."""


def flood(bench: Bench, seed: int) -> None:
    """Let one office file long notes, one after the other, until something refuses."""
    chance = bench.chance(seed)
    office = chance.any_office()
    body = life.NoteFiled(text="\U0001f48e" * 2_000, references=(), document=None)
    for _ in range(FLOOD_EVENTS):
        if bench.say(chance.act(office, body, "BW")) is not None:
            break


FLOOD_EVERY = 100
"""Steps of a walk from one flood to the next, on average."""

PAUSES = (0, 1, 3_600_000, DAY, 3 * DAY, 10 * DAY, 40 * DAY)
PAUSE_WEIGHTS = (4, 4, 10, 10, 6, 3, 1)


def walk(bench: Bench, seed: int, steps: int) -> None:
    """Take many steps, drawn from one seed."""
    random, floods = Random(seed), Random(seed)
    for _ in range(steps):
        if random.randrange(8) == 0:
            bench.advance(random.choices(PAUSES, PAUSE_WEIGHTS)[0])
        if floods.randrange(FLOOD_EVERY) == 0:
            flood(bench, floods.getrandbits(48))
        area = random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        take_step(bench, area, random.getrandbits(48))
    bench.advance(0)
