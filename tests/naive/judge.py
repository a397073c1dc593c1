"""The judgement of the model: the first question that refuses, or what follows."""

from naive import authors, order, quotas
from naive.world import Said, World


def judge(world: World, said: Said) -> str | None:
    """Give the code of the rule that refuses a statement, or None."""
    questions = (
        *order.FIRST,
        order.SIGNED.get(said.type, authors.is_signed),
        quotas.keeps_quota,
        *order.QUESTIONS[said.type],
    )
    for ask in questions:
        rule = ask(world, said)
        if rule is not None:
            return rule
    return None


def take_in(world: World, said: Said) -> None:
    """Remember a statement that nothing refuses, and what follows from it."""
    world.events[said.event] = said
    quotas.fill(world, said)
    follow = order.EFFECTS.get(said.type)
    if follow is not None:
        follow(world, said)
