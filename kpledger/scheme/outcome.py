"""Rules and refusals: why an event may not enter the ledger.

A broken rule is a value, not an exception: every node must come to the same refusal, so executing
an event is total. The list of rules is the enum; each names the clause of the scheme it comes from.
"""

from dataclasses import dataclass
from enum import Enum


class Rule(Enum):
    """A rule that every node enforces: code, clause, and what it demands.

    Clauses are those of the KPCS core document; ``ledger`` marks a rule of this ledger itself.
    """

    E1 = ("E1", "IV(b), V(a)", "Signed by an active key of the author, who may make such an event")
    E2 = (
        "E2",
        "II(a), III(b), V, VI",
        "Each acts on what is its own: issuer, destination, holder, whoever is concerned",
    )
    E3 = ("E3", "Annex I.A", "The number is unique, and in a range allotted to the authority")
    E4 = ("E4", "II(a), III(c)", "Issuer and destination are different and in good standing")
    E5 = (
        "E5",
        "II(c), V, VI, Annex I.A, Annex III",
        "Mandatory fields are present and agree with each other",
    )
    E6 = ("E6", "ledger", "The event fits the state of its subject, and follows its newest event")
    E7 = ("E7", "III(b)2", "A confirmation is made once and repeats the certificate")
    E8 = ("E8", "III(b)1", "A clean confirmation needs a valid certificate and what it declares")
    E9 = ("E9", "ledger", "A replacement and the certificate it replaces change together")
    E10 = ("E10", "ledger", "A technical certificate moves the goods of a case, and no others")
    E11 = ("E11", "VI.5, VI.16", "A measure of the scheme rests on a decision nobody objected to")
    E12 = ("E12", "ledger", "Time does not run ahead, and the form is known")
    E13 = ("E13", "IV (end)", "Where lineage is strict, sources cover what is re-exported")
    E14 = ("E14", "VI.16", "Standing is judged at each event's own time")
    E15 = ("E15", "ledger", "Nobody files more of a kind than its quota, so that none fills it")

    def __init__(self, code: str, clause: str, text: str) -> None:
        self.code = code
        self.clause = clause
        self.text = text


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event breaks a rule: which, where, how, and what would be accepted."""

    rule: Rule
    field: str
    """The path of the offending field, for instance ``body.certificate.lines``."""
    problem: str
    """What is wrong, with the values."""
    accepted: str
    """What would be accepted."""

    def __str__(self) -> str:
        """Write it as one line for people."""
        return (
            f"{self.rule.code} (KPCS {self.rule.clause}): {self.field}: {self.problem};"
            f" accepted: {self.accepted}"
        )
