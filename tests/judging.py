"""What the rules say to an event, as tests compare it: rule and field of the refusal, or None."""

from founding import MemoryLedger, make_event

from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Refusal, Rule

Judgement = tuple[Rule, str] | None


def judgement(refusal: Refusal | None) -> Judgement:
    """Give rule and field of a refusal."""
    return (refusal.rule, refusal.field) if refusal else None


def judge(ledger: MemoryLedger, author: str, body: Body, subject: str | None = None) -> Judgement:
    """Say what the rules of a ledger say to a statement that was not made before."""
    nonce = ledger.tip.tree.size
    return judgement(ledger.attempt(make_event(author, body, subject=subject, nonce=nonce)))
