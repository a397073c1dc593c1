"""F2 and F12: what two participants say about the same trade."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kpledger.analysis.flags.finding import Finding, hexadecimal
from kpledger.analysis.flags.indexes.pairs import Pair, read_odd, read_pair
from kpledger.analysis.flags.indexes.submissions import Figures, Reported
from kpledger.analysis.flags.look import Look
from kpledger.analysis.flags.periods import end_of, quarters_between
from kpledger.analysis.flags.settings import FlagSettings
from kpledger.analysis.flags.words import count_of
from kpledger.base.units import add_days, format_carats, format_usd

_EXAMPLES: Final = 8


@dataclass(frozen=True, slots=True)
class Mirror:
    """A pair and quarter, as issued and as received; the submitted figures where both exist."""

    issuer: str
    destination: str
    quarter: str
    pair: Pair
    settled: bool
    """Whether shipments of the quarter can no longer be on their way."""
    out: Reported | None
    """What the issuer submitted."""
    into: Reported | None
    """What the destination submitted."""

    @property
    def missing(self) -> int:
        """Declared and not found, in thousandths; what may be on its way is set apart."""
        lost = self.pair.settled.carat_thousandths - self.pair.found.carat_thousandths
        return lost + (self.pair.open.carat_thousandths if self.settled else 0)

    @property
    def submitted_by_each(self) -> tuple[int | None, int | None]:
        """Carats that each submitted, out and in; None where it has not."""
        nothing, out, into = Figures(), self.out, self.into
        return (
            None if out is None else out.partners.get(self.destination, nothing).out_carats,
            None if into is None else into.partners.get(self.issuer, nothing).in_carats,
        )

    @property
    def submitted(self) -> tuple[int, int] | None:
        """Carats that both submitted, out and in; None unless both did."""
        out, into = self.submitted_by_each
        return None if out is None or into is None else (out, into)

    @property
    def unexplained(self) -> int | None:
        """How far the submitted figures differ beyond what was on its way at either end."""
        if self.submitted is None:
            return None
        out, into = self.submitted
        on_the_way = self.pair.declared.carat_thousandths - self.pair.received.carat_thousandths
        return out - into - on_the_way


def read_mirror(look: Look, issuer: str, destination: str, quarter: str) -> Mirror:
    """Read one pair and quarter."""
    pair = read_pair(look.book.index, quarter, issuer, destination)
    return _mirror(look, issuer, destination, quarter, pair)


def detect_mirror(look: Look) -> Iterator[Finding]:
    """F12: what A declared and what B found differ."""
    for quarter in reversed(quarters_between(look.from_day, min(look.until_day, look.at))):
        for (issuer, destination), pair in look.pairs_in(quarter).items():
            if look.concerns(issuer, destination):
                yield from _gaps(look, _mirror(look, issuer, destination, quarter, pair))


def detect_leaning(look: Look) -> Iterator[Finding]:
    """F2: small differences of a pair that nearly all go the same way."""
    settings = look.settings.f2
    for quarter in reversed(quarters_between(look.from_day, min(look.until_day, look.at))):
        for (issuer, destination), pair in look.pairs_in(quarter).items():
            count, lighter = pair.lighter + pair.heavier, pair.lighter
            side, word = max((lighter, "lighter"), (pair.heavier, "heavier"))
            leans = side * 100 >= count * settings.leaning_percent
            if (
                count < settings.leaning_count
                or not leans
                or not look.concerns(issuer, destination)
            ):
                continue
            drift = abs(pair.drift)
            if drift * 10_000 <= pair.settled.carat_thousandths:
                continue
            yield Finding(
                flag="F2",
                subject=f"{issuer}-{destination}",
                participant=issuer,
                partner=destination,
                day=end_of(quarter),
                measure=side * 100 // count,
                explanation=(
                    f"{side} of {count} shipments from {issuer} to {destination} in {quarter} that"
                    f" were confirmed with another weight were {word} than declared;"
                    f" {format_carats(drift)} ct in all. A scale that needs adjusting does"
                    f" this; so does somebody who takes a little each time."
                ),
                evidence=_examples(look, issuer, destination, quarter),
            )


def _gaps(look: Look, mirror: Mirror) -> Iterator[Finding]:
    declared = mirror.pair.declared
    if _is_beyond(look.settings, mirror.missing, declared.carat_thousandths):
        open_part = mirror.pair.open
        yield _finding(
            look,
            mirror,
            mirror.missing,
            f"{mirror.issuer} issued {count_of(declared.count, 'certificate')} for"
            f" {format_carats(declared.carat_thousandths)} ct to {mirror.destination} in"
            f" {mirror.quarter}; of those confirmed,"
            f" {format_carats(mirror.pair.settled.carat_thousandths)} ct were declared and"
            f" {format_carats(mirror.pair.found.carat_thousandths)} ct found;"
            f" {format_carats(open_part.carat_thousandths)} ct (US$"
            f" {format_usd(open_part.value_usd_cents)}) are without an answer. Forgotten"
            f" confirmations, or goods that never left, are harmless reasons.",
        )
    unexplained, submitted = mirror.unexplained, mirror.submitted
    if unexplained is None or submitted is None:
        return
    if _is_beyond(look.settings, unexplained, max(submitted)):
        yield _finding(
            look,
            mirror,
            unexplained,
            f"{mirror.issuer} submitted exports of {format_carats(submitted[0])} ct to"
            f" {mirror.destination} in {mirror.quarter}; {mirror.destination} submitted imports of"
            f" {format_carats(submitted[1])} ct. What was on its way is taken off;"
            f" {format_carats(abs(unexplained))} ct stay unexplained. Figures drawn up by other"
            f" dates, or corrected later, are harmless reasons.",
        )


def _is_beyond(settings: FlagSettings, gap: int, of: int) -> bool:
    return abs(gap) > max(settings.f12.carats * 1_000, of * settings.f12.percent // 100)


def _mirror(look: Look, issuer: str, destination: str, quarter: str, pair: Pair) -> Mirror:
    return Mirror(
        issuer=issuer,
        destination=destination,
        quarter=quarter,
        pair=pair,
        settled=add_days(end_of(quarter), look.settings.f12.settle_days) <= look.at,
        out=look.trade_of(issuer, quarter),
        into=look.trade_of(destination, quarter),
    )


def _finding(look: Look, mirror: Mirror, gap: int, explanation: str) -> Finding:
    events = tuple(one.event for one in (mirror.out, mirror.into) if one is not None)
    return Finding(
        flag="F12",
        subject=f"{mirror.issuer}-{mirror.destination}",
        participant=mirror.issuer,
        partner=mirror.destination,
        day=end_of(mirror.quarter),
        measure=gap // 1_000,
        explanation=explanation,
        evidence=(
            *hexadecimal(*events),
            *_examples(look, mirror.issuer, mirror.destination, mirror.quarter),
        ),
    )


def _examples(look: Look, issuer: str, destination: str, quarter: str) -> tuple[str, ...]:
    """Give issues that make up a gap."""
    return hexadecimal(*read_odd(look.book.index, quarter, issuer, destination, _EXAMPLES))
