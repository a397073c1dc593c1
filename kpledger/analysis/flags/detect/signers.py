"""F16: what was signed with a key that may have been in other hands."""

from collections.abc import Iterator

from kpledger.analysis.flags.finding import Finding, hexadecimal
from kpledger.analysis.flags.indexes.signers import read_exposed, read_signed
from kpledger.analysis.flags.look import Look
from kpledger.base.units import day_of


def detect_exposed(look: Look) -> Iterator[Finding]:
    """F16: events of a compromised key since it may have been in other hands."""
    found: list[Finding] = []
    for key, exposed in read_exposed(look.book.index):
        if not look.concerns(exposed.participant):
            continue
        for signed in read_signed(look.book.index, key, exposed.since_ms):
            day = day_of(signed.time_ms)
            if look.covers(day) and signed.event != exposed.revocation:
                what = signed.type.replace("_", " ")
                found.append(
                    Finding(
                        flag="F16",
                        subject=signed.subject,
                        participant=exposed.participant,
                        partner="",
                        day=day,
                        measure=(signed.time_ms - exposed.since_ms) // 86_400_000,
                        explanation=(
                            f"The event '{what}' was signed with a key of"
                            f" {exposed.participant} that was later revoked as compromised,"
                            f" possibly since {day_of(exposed.since_ms)}. The office may have"
                            f" signed it itself; ask it."
                        ),
                        evidence=hexadecimal(signed.event, exposed.revocation),
                    )
                )
    yield from sorted(found, key=lambda one: (one.day, one.subject), reverse=True)
