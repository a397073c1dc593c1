"""E14: what the scheme leaves open is settled for the time to come (G10), and in its bounds."""

from kpledger.base.ids import KPCS
from kpledger.base.units import format_time
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.events.decisions import PolicySet, RulesActivated
from kpledger.scheme.v1.lists import check_ascending
from kpledger.scheme.v1.policy import SCHEME_ONLY
from kpledger.scheme.v1.rules.decisions import check_recorded
from kpledger.scheme.v1.rules.notice import check_notice_period

MAX_SETTLED = 500
"""How often policy may be settled, for the scheme and for each participant."""

MAX_BLOCKS_AHEAD = 100_000
"""How far ahead rules may be activated: some months of the trade of all participants. One version
follows another, so one set by mistake for a distant height would stand in the way of all others."""


def check_policy(context: Context) -> Refusal | None:
    """E1, E5, E11, E14: the Chair settles for all, a participant for itself; none for the past."""
    body = context.body(PolicySet)
    return (
        _check_whose(context, body)
        or _check_values(body)
        or _check_time(context, body)
        or _check_count(context, body)
    )


def _check_whose(context: Context, body: PolicySet) -> Refusal | None:
    author = context.author[0]
    expected = None if author == KPCS else author
    if body.participant != expected:
        problem = f"{author} may not settle the policy of {body.participant or 'the scheme'}"
        accepted = "null" if expected is None else expected
        return refuse(Rule.E1, "body.participant", problem, accepted)
    if expected is not None:
        if body.decision is None:
            return None
        problem = f"{body.decision} is named, but a participant settles its own policy by itself"
        return refuse(Rule.E11, "body.decision", problem, "null")
    if body.decision is None:
        problem = "the policy of the scheme needs a decision"
        return refuse(Rule.E11, "body.decision", problem, "a decision that has been recorded")
    return check_recorded(context, body.decision)


def _check_values(body: PolicySet) -> Refusal | None:
    values = body.values
    given = [name for name in values.__struct_fields__ if getattr(values, name) is not None]
    if not given:
        return refuse(Rule.E5, "body.values", "nothing is settled", "at least one value")
    reserved = [name for name in given if name in SCHEME_ONLY]
    if reserved and body.participant is not None:
        problem = f"{reserved[0]} can only be settled for the whole scheme"
        return refuse(Rule.E5, f"body.values.{reserved[0]}", problem, "null")
    if values.max_validity_days is not None and values.max_validity_months is not None:
        problem = "there is a limit in days and another in months"
        return refuse(Rule.E5, "body.values.max_validity_months", problem, "one of the two")
    return check_ascending(values.vigilance or (), "body.values.vigilance")


def _check_time(context: Context, body: PolicySet) -> Refusal | None:
    if body.effective_from < context.at.now_ms:
        return refuse(
            Rule.E14,
            "body.effective_from",
            f"{format_time(body.effective_from)} is before now",
            f"a time from {format_time(context.at.now_ms)} on",
        )
    return check_notice_period(context, body.effective_from)


def _check_count(context: Context, body: PolicySet) -> Refusal | None:
    count = len(context.policies(body.participant).history)
    if count >= MAX_SETTLED:
        problem = f"policy has been settled {count} times"
        return refuse(Rule.E6, "body.values", problem, f"at most {MAX_SETTLED} times")
    return None


def check_activation(context: Context) -> Refusal | None:
    """E6, E11, E14: the next version of the rules holds from a block to come, no distant one."""
    body = context.body(RulesActivated)
    newest = context.rules().versions[-1]
    if body.version != newest.version + 1:
        problem = f"v{body.version} does not follow v{newest.version}"
        return refuse(Rule.E6, "body.version", problem, f"v{newest.version + 1}")
    lowest = max(context.at.height, newest.height) + 1
    if body.height < lowest:
        problem = f"block {body.height} has passed, or is decided already"
        return refuse(Rule.E14, "body.height", problem, f"a height from {lowest} on")
    highest = context.at.height + MAX_BLOCKS_AHEAD
    if body.height > highest:
        problem = f"block {body.height} is too far ahead"
        return refuse(Rule.E14, "body.height", problem, f"a height up to {highest}")
    return check_recorded(context, body.decision)
