"""The state of the scheme at a date, as tables."""

from dataclasses import asdict

from kpclient.output.console import print_fields, print_line, print_table
from kpledger.books.scheme import SchemeAnswer
from kpledger.scheme.v1.policy import Policy


def print_scheme(found: SchemeAnswer) -> None:
    """Print who took part, what was restricted, and what held."""
    print_fields(
        {
            "day": found.day,
            "chair": found.chair or "not known",
            "vice-chair": found.vice_chair or "not known",
        }
    )
    print_table(
        ("code", "name", "status", "trades", "since", "decision", "interim until"),
        [
            (
                one.code,
                one.name,
                one.status,
                "yes" if one.may_trade else "no",
                one.since,
                one.decision,
                one.interim_until,
            )
            for one in found.participants
        ],
    )
    print_line("restrictions in force")
    print_table(
        ("whose", "name", "scope", "mode", "zones", "approver", "since", "until", "decision"),
        [
            (
                one.participant,
                one.restriction,
                one.scope,
                one.mode,
                ", ".join(one.zones),
                one.approver,
                one.since,
                one.until,
                one.decision,
            )
            for one in found.restrictions
        ],
    )
    print_line("policy")
    names = list(asdict(found.policy))
    owners = [("all", found.policy), *((one.participant, one.policy) for one in found.own_policies)]
    columns = [_write(policy) for _, policy in owners]
    rows = [(name, *(values[name] for values in columns)) for name in names]
    print_table(("value", *(owner for owner, _ in owners)), rows)


def _write(policy: Policy) -> dict[str, str]:
    return {
        name: ", ".join(value) if isinstance(value, list | tuple) else _write_value(value)
        for name, value in asdict(policy).items()
    }


def _write_value(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
