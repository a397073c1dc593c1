"""Version 1 of the rules, as the rulebook takes it."""

from typing import Final

from kpledger.scheme.event import Body
from kpledger.scheme.v1.events import BODIES
from kpledger.scheme.v1.events.decisions import RulesActivated
from kpledger.scheme.v1.execution import apply, execute, may_sign
from kpledger.scheme.v1.founding import found
from kpledger.scheme.version import RuleVersion


def _activated(body: Body) -> int | None:
    return body.version if isinstance(body, RulesActivated) else None


V1: Final = RuleVersion(
    shapes=BODIES,
    found=found,
    may_sign=may_sign,
    execute=execute,
    apply=apply,
    activated=_activated,
)
