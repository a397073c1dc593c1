"""``kpledger rules``: what every node refuses, by which clause, before which events."""

from kpclient.commands.declared import command
from kpclient.errors import UsageError
from kpclient.input.options import LocalOptions
from kpclient.output.console import print_fields, print_json, print_table
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.catalogue import CATALOGUE
from kpledger.scheme.v1.guards import guarded_types


@command("rules")
def rules(*, code: str = "", local: LocalOptions) -> None:
    """List the rules of the ledger, their clauses, and the events they guard."""
    guards = guarded_types()
    wanted = tuple(guards) if not code else (_rule(code),)
    if local.as_json:
        print_json({"rules": [_describe(rule, guards[rule]) for rule in wanted]})
    elif code:
        (rule,) = wanted
        fields = {"rule": rule.code, "clause": f"KPCS {rule.clause}", "text": rule.text}
        print_fields(fields)
        print_table(("guards",), [(one,) for one in guards[rule]])
    else:
        rows = [(one.code, one.clause, one.text, _summarise(guards[one])) for one in wanted]
        print_table(("rule", "clause", "text", "guards"), rows)


def _rule(code: str) -> Rule:
    try:
        return Rule[code.upper()]
    except KeyError:
        accepted = ", ".join(rule.code for rule in Rule)
        raise UsageError("RULE", f"there is no rule {code!r}", accepted) from None


def _describe(rule: Rule, types: tuple[str, ...]) -> dict[str, object]:
    return {"rule": rule.code, "clause": rule.clause, "text": rule.text, "events": types}


def _summarise(types: tuple[str, ...]) -> str:
    if len(types) == len(CATALOGUE):
        return "every event"
    most = 3
    return ", ".join(types) if len(types) <= most else f"{len(types)} types of events"
