"""E5: whoever asks, answers or notes something says what, or names what says it."""

from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import refuse

_SPACE = " \t\r\n"


def check_words(field: str, text: str, *papers: object, instead: str = "") -> Refusal | None:
    """E5: there are words, or something is named that stands for them."""
    if text.strip(_SPACE) or any(papers):
        return None
    accepted = f"words, or {instead}" if instead else "words"
    return refuse(Rule.E5, field, f"{text!r} says nothing", accepted)
