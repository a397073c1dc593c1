"""The registry: the eighteen flags, what each looks for, and how to read what it finds."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

import msgspec

from kpledger.analysis.flags.settings import Setting, settings_of


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What people are told about a flag."""

    title: str
    looks_for: str
    """One sentence."""
    why: str
    """Which fraud shows itself so; what is left out, to keep honest trade free of it."""
    evidence: str
    """Which events a finding names."""
    benign: str
    """Harmless causes to think of first."""
    reading: str
    """How to read a finding, and what to do next."""


class Flag(Enum):
    """The flags, in the order of the scheme's list."""

    F1 = About(
        title="Unconfirmed",
        looks_for="A certificate expired some time ago and nobody has said anything of the goods.",
        why=(
            "Goods that vanish between two countries leave just this trace, and a certificate that"
            " was never used up can serve for a second shipment."
        ),
        evidence="the issue",
        benign="the shipment never left and nobody voided it; the confirmation was forgotten",
        reading=(
            "Rank destinations by `kpledger unconfirmed`: one that forgets many forgets, one that"
            " forgets few may hide some. Ask the destination, then the issuer."
        ),
    )
    F2 = About(
        title="Found differs from declared",
        looks_for=(
            "What was confirmed differs from what was declared, though within the tolerance; a"
            " discrepancy is very large, in weight or in value per carat; a pair's differences all"
            " go one way; seals were broken."
        ),
        why=(
            "Contents changed on the way show at the destination's scales. A little taken each"
            " time stays within every tolerance, and shows only in the sum."
        ),
        evidence="issue and confirmation; for a pair, examples of its certificates",
        benign="scales and valuers differ; CIF and FOB values; moisture; a mistyped figure",
        reading="One finding means little. Look for the same parties, or the same side, again.",
    )
    F3 = About(
        title="Price outlier",
        looks_for=(
            "A value per carat far from what the issuer declares for the origin and HS code in the"
            " year, by the robust z of its logarithm."
        ),
        why=(
            "Undervalued exports move profit and tax to the next country; overvalued ones move"
            " money. Prices differ by orders of magnitude between mines, so each is measured"
            " against its own group, and in ratios. A re-export that costs what its sources did is"
            " left out: its price was made where they were issued, and is looked at there."
        ),
        evidence="the issue",
        benign="a single large stone; a parcel of very small ones; a carat or dollar mistyped",
        reading="Compare the importer's value, and the next prices of the same exporter.",
    )
    F4 = About(
        title="Value jump after import",
        looks_for="Goods leave again soon after they came, at another value per carat.",
        why=(
            "Transfer mispricing: exported cheap by the producer, marked up in a trading country."
            " Only re-exports of a large part of what came in count, since sorting out the better"
            " stones raises the price of a small part."
        ),
        evidence="the re-export and the certificates it names as sources",
        benign="sorting; a better valuation; sources that were named by habit",
        reading="Follow the sources back, and see who the two parties are.",
    )
    F5 = About(
        title="Negative balance",
        looks_for="More was exported than was mined and imported in the months before.",
        why=(
            "A country without mines that sends out more than it took in got the rest from"
            " somewhere. Production counts once it is reported or overdue, never before."
        ),
        evidence="the production figures and examples of exports",
        benign="an older stock (set `stock.<code>`); imports that nobody confirmed yet",
        reading="`kpledger balance CODE` shows month by month where it began.",
    )
    F6 = About(
        title="Origin laundering",
        looks_for=(
            "More stones of a country's own origin leave than it mined, or stones of an origin"
            " leave that never came in."
        ),
        why=(
            "A producer of little lends its name to stones of another. In 2004 one sent out about"
            " a hundred times what it could have mined."
        ),
        evidence="the production figures and examples of exports of that origin",
        benign="sales from a stockpile; stones sorted out of mixed parcels; late figures",
        reading="`kpledger production-check CODE` compares half-year by half-year.",
    )
    F7 = About(
        title="Numbers",
        looks_for=(
            "Numbers were passed over, used out of order, or stand on a paper that was never"
            " issued or is dated outside its range's use."
        ),
        why=(
            "Forgers of a known case were caught since their number lay in the range of another"
            " year. Blanks that went missing come back as forgeries."
        ),
        evidence="the issue after a gap; the higher number; the report of the suspect paper",
        benign="spoiled blanks; several officers with a pad each; a number copied wrongly",
        reading="`kpledger numbers CODE` shows all ranges. Ask the office where the blanks are.",
    )
    F8 = About(
        title="Presented again",
        looks_for=(
            "A certificate is presented once more after its life was over, or two certificates"
            " bear the same seal or photograph."
        ),
        why="A genuine paper is used twice, most easily when it is valid for long.",
        evidence="the issue, the end of its life, the new presentation; both issues",
        benign="a typed number that should have been another; the wrong photograph attached",
        reading="The second shipment has a case of its own; see what became of it.",
    )
    F9 = About(
        title="Late",
        looks_for=(
            "Goods moved after expiry; a confirmation took longer than the destination's own limit"
            " or still has not come; a notice is missing that is expected, or an approval that a"
            " restriction asks for afterwards."
        ),
        why="Old papers lend themselves to a second use, and silence hides what was found.",
        evidence="issue, arrival and confirmation",
        benign="transport was late; holidays, which are not taken off; notices by e-mail",
        reading="A habit of one office needs help; a single late one needs a question.",
    )
    F10 = About(
        title="Around a suspension",
        looks_for="Issued shortly before the issuer was suspended, or presented after it.",
        why="Whoever expects to be shut out sells what there is, with papers still good.",
        evidence="the issue, and the change of standing or the presentation",
        benign="ordinary trade until the last day; goods that were on their way",
        reading="Compare with the issuer's usual month: is it a rush?",
    )
    F11 = About(
        title="Origins that others ask about",
        looks_for=(
            "A mixed parcel to the EU names no origins (since 1 March 2025); or a Russian origin"
            " goes to a country of the G7."
        ),
        why="For information: these are national rules, not rules of the scheme.",
        evidence="the issue",
        benign="goods verified before; older stock; industrial stones",
        reading="Nothing to do for the scheme. Customs of the destination decide.",
    )
    F12 = About(
        title="Mirror gap",
        looks_for=(
            "For a pair and quarter, what one declared and the other found or submitted differ."
        ),
        why=(
            "Both sides count the same trade. Each certificate is compared with its own"
            " confirmation, and what may still be on its way is set apart, so that the end of a"
            " quarter alone raises nothing."
        ),
        evidence="both submissions, and examples of the certificates",
        benign="shipments on their way; re-weighing; CIF and FOB; late or restated figures",
        reading="`kpledger mirror A B PERIOD` shows what makes up the gap.",
    )
    F13 = About(
        title="Submitted differs from the certificates",
        looks_for="Submitted trade or counts differ from what the certificates add up to.",
        why="Who reports other figures than its papers either has other papers or other figures.",
        evidence="the submission",
        benign="counted by another date; corrections after the edition",
        reading="Small and steady is a method; large and sudden is a question to ask (DAQ).",
    )
    F14 = About(
        title="Statistics late, missing or restated",
        looks_for="Statistics came late or not at all, or a later edition changes a total.",
        why=(
            "Production that nobody reports cannot be compared with exports: laundering needs"
            " just that. A producer is whoever ever reported production."
        ),
        evidence="the submission, both editions of a restated one",
        benign="a small office; late confirmations; corrected errors",
        reading="Missing production and large exports together are the pattern to look at.",
    )
    F15 = About(
        title="Circular trade",
        looks_for="The same weight goes from A to B and from B back to A.",
        why="Going round makes papers, a price or a history for stones that have none.",
        evidence="both issues",
        benign="goods on approval that were not sold; an exhibition",
        reading="Look at the two values: a return does not change the price.",
    )
    F16 = About(
        title="Dates and keys",
        looks_for=(
            "An event is recorded long after the day it states, or was signed with a key that was"
            " later revoked as compromised."
        ),
        why="What is entered afterwards can be fitted to what happened; a stolen key can sign.",
        evidence="the event, and the revocation of the key",
        benign="an office without a line; papers entered in bulk; a key revoked to be safe",
        reading="For keys: the office goes through the list and says which are its own.",
    )
    F17 = About(
        title="A silent producer",
        looks_for="A producer in good standing reports production and issues no certificate.",
        why="Stones that are mined and not exported with papers are exported without.",
        evidence="the production figures",
        benign="stones cut at home or held in stock; one sale a year",
        reading="See what its neighbours export since then.",
    )
    F18 = About(
        title="Vigilance",
        looks_for="The origin is one that the Chair asks to look at closely, or lies beside one.",
        why="Where exports are restricted, stones cross the border. Neighbours are left out unless"
        " asked for, since most of their trade is their own.",
        evidence="the issue",
        benign="all ordinary trade of that origin",
        reading="A list for those who look closely, not a suspicion.",
    )

    @property
    def code(self) -> str:
        """As people write it."""
        return self.name


FLAGS: Final = {flag.code: flag for flag in Flag}
"""By code."""


class FlagDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A flag, as lists show it."""

    flag: str
    title: str
    looks_for: str
    why: str
    settings: tuple[Setting, ...]
    """With their defaults and units."""
    evidence: str
    benign: str
    reading: str


def describe_flags() -> tuple[FlagDescription, ...]:
    """Describe every flag."""
    return tuple(
        FlagDescription(
            flag=flag.code,
            title=flag.value.title,
            looks_for=flag.value.looks_for,
            why=flag.value.why,
            settings=settings_of(flag.code),
            evidence=flag.value.evidence,
            benign=flag.value.benign,
            reading=flag.value.reading,
        )
        for flag in Flag
    )
