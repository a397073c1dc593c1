"""``kpledger flags``, ``balance`` and ``numbers``: what an analyst should look at."""

from kpclient.commands.declared import Asking, asks
from kpclient.input.wording import plain_text
from kpclient.output.console import print_json, print_line, print_table
from kpledger.base.text import spell
from kpledger.base.units import format_carats
from kpledger.books.balance import BALANCE, BalanceAnswer, BalanceQuestion
from kpledger.books.flags.catalogue import FlagDescription, describe_flags
from kpledger.books.flags.search import FLAGS, FlagsAnswer, FlagsQuestion
from kpledger.books.numbers import NUMBERS, NumbersAnswer, NumbersQuestion


@asks("flags", FLAGS)
def flags(asking: Asking[FlagsQuestion, FlagsAnswer], *, listed: bool = False) -> None:
    """List what an analyst should look at, the newest first, and why."""
    if listed:
        _print_registry(as_json=asking.as_json)
        return
    if answer := asking.print_answer():
        print_line(f"{answer.from_day} to {answer.until}, as of {answer.at}")


@asks("balance", BALANCE)
def balance(asking: Asking[BalanceQuestion, BalanceAnswer]) -> None:
    """Add up what a participant mined, received and sent, month by month."""
    if answer := asking.print_answer():
        start = f"from a stock of {format_carats(answer.opening)} ct"
        print_line(f"{start}, which --set stock.{answer.participant}= sets")


@asks("numbers", NUMBERS)
def numbers(asking: Asking[NumbersQuestion, NumbersAnswer]) -> None:
    """Show a participant's number ranges, and the numbers that were passed over."""
    if answer := asking.print_answer():
        gaps = [
            (one.authority, gap.first, gap.last, str(gap.count), gap.next, gap.issued_on)
            for one in answer.ranges
            for gap in one.gaps
        ]
        is_cut = any(
            len(one.gaps) == asking.question.limit
            and sum(gap.count for gap in one.gaps) < one.missing
            for one in answer.ranges
        )
        more = "further gaps follow with a larger --limit" if is_cut else ""
        print_table(("office", "gap from", "to", "numbers", "next", "issued"), gaps, more=more)


def _print_registry(*, as_json: bool) -> None:
    described = describe_flags()
    if as_json:
        print_json({"flags": described})
        return
    for one in described:
        _print_flag(one)


def _print_flag(one: FlagDescription) -> None:
    print_line(f"{one.flag} {one.title}: {one.looks_for}")
    print_line(f"  why: {one.why}")
    for setting in one.settings:
        print_line(f"  {setting.name} = {spell(setting.default)}: {setting.meaning}")
    print_line(f"  evidence: {one.evidence}")
    print_line(f"  harmless: {plain_text(one.benign)}")
    print_line(f"  reading: {plain_text(one.reading)}")
