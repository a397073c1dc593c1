"""Guards: which rules stand before which event type, read from the rules themselves.

A rule guards an event type if a check in the type's row can refuse with it, be it by a function
that the check calls. That is read from the compiled functions, so it cannot fall behind them.
"""

from collections.abc import Iterable
from types import CodeType, FunctionType, ModuleType
from typing import Final

from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.catalogue import CATALOGUE
from kpledger.scheme.v1.rules import authorship, quotas

_HOME: Final = __name__.removesuffix("guards")
_EVERYWHERE: Final = (
    authorship.check_form,
    authorship.check_author,
    authorship.check_signers,
    quotas.check_quota,
)
"""What stands before every row (:func:`kpledger.scheme.v1.execution.execute`)."""


def rules_of(check: object) -> frozenset[Rule]:
    """Give the rules that a check can refuse with."""
    found: set[Rule] = set()
    seen: set[FunctionType] = set()
    waiting = [check]
    while waiting:
        function = waiting.pop()
        if not isinstance(function, FunctionType) or function in seen:
            continue
        if not function.__module__.startswith(_HOME):
            continue
        seen.add(function)
        names = set(_names(function.__code__))
        if "Rule" in names:
            found |= {rule for rule in Rule if rule.name in names}
        waiting += _callees(function, names)
    return frozenset(found)


def guarded_types() -> dict[Rule, tuple[str, ...]]:
    """Give every rule with the event types before which it stands, in alphabetical order."""
    everywhere = _rules_of_all(_EVERYWHERE)
    guards = {
        body.TYPE: everywhere | _rules_of_all((*row.checks, row.cosigners))
        for body, row in CATALOGUE.items()
    }
    return {rule: tuple(sorted(one for one in guards if rule in guards[one])) for rule in Rule}


def _rules_of_all(checks: Iterable[object]) -> frozenset[Rule]:
    return frozenset().union(*map(rules_of, checks))


def _names(code: CodeType) -> Iterable[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _callees(function: FunctionType, names: set[str]) -> list[object]:
    """Give what a function refers to: functions of its module, of modules, in lists, in a shell."""
    referred: list[object] = []
    for name in names:
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType):
            referred += [getattr(value, one, None) for one in names]
        elif isinstance(value, tuple):
            referred += value
        else:
            referred.append(value)
    return referred + [cell.cell_contents for cell in function.__closure__ or ()]
