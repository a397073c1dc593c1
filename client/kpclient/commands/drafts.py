"""What commands work out that are about no certificate: the rest is in ``statements.toml``.

``kpledger submit-stats`` takes figures from a table (KPCS Annex III): CSV with a line of names, as
spreadsheets write it; weights are carats and values US$.
"""

from pathlib import Path
from typing import Final

import msgspec

from kpclient.commands.statements import prepares
from kpclient.errors import UsageError
from kpclient.input.documents import load_document, naming, read_table
from kpclient.input.forms import find_type, read_struct
from kpclient.net.node_client import read_from
from kpclient.session import NotToFollowError, find_certificate, read_typed
from kpclient.statements.signing import author_of, open_keystore
from kpclient.statements.statement import Draft
from kpledger.base.codec import DECODE_ERRORS, encode
from kpledger.base.ids import KPCS, parse_hex32
from kpledger.books.query import readable
from kpledger.books.subject import SUBJECT, SubjectQuestion
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.events.statistics import CountRow, TradeRow
from kpledger.scheme.v1.quantities import CaratTotal, UsdTotal
from kpledger.scheme.v1.subjects import Subject, subject_under


class _Production(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of a table of production."""

    carat_thousandths: CaratTotal
    value_usd_cents: UsdTotal


class _Known(msgspec.Struct):
    """What is used of a :class:`kpledger.scheme.v1.records.SubmissionRecord`."""

    editions: tuple[msgspec.Raw, ...]


_known_decoder: Final = msgspec.json.Decoder(_Known | None)


@prepares("correct")
def read_correction(draft: Draft, *, body: Path) -> None:
    """Put the fields that should read otherwise into the statement that is corrected."""
    event = _find_event(draft)
    said = readable(event.body)
    before = said if isinstance(said, dict) else {}
    # An error names a field of the file here, and none of this command's options.
    typed, draft.names = draft.names, {}
    kind = find_type(event.header.type)
    fields = before | load_document(body)
    with naming(body):
        right = read_struct(kind, fields, within="body")
    draft.names = typed
    draft.fields["body"] = encode(right)
    draft.subject = event.header.subject


@prepares("countersign")
def find_countersigned(draft: Draft) -> None:
    """Find what is countersigned, and what it is about; who signed it already need not."""
    event = _find_event(draft)
    name = draft.by.signer.key
    key = open_keystore(draft.session.home).entry(name).public_key if name else b""
    if key in event.signers:
        problem = f"key {key.hex()} has signed it already"
        raise UsageError("--key", problem, "the key of another officer")
    draft.subject = event.header.subject


def _find_event(draft: Draft) -> SignedEvent:
    event_id = str(draft.fields["event"])
    wanted = read_typed(
        lambda text: parse_hex32(text, "id"), event_id, "EVENT-ID", "64 hexadecimal digits"
    )
    recorded = draft.session.ask(lambda ledger: ledger.event(wanted))
    if recorded is None:
        accepted = "the id of an event on the ledger"
        raise NotToFollowError(f"event {event_id}", field="body.event", accepted=accepted)
    return recorded.event


@prepares("propose decline")
def name_restriction(draft: Draft, *, under: str) -> None:
    """Name the restriction."""
    participant, slash, name = under.partition("/")
    if not slash:
        accepted = "CODE/NAME, such as CF/zones"
        raise UsageError("--under", f"{under!r} names no restriction", accepted)
    draft.fields |= {"participant": participant, "restriction": name}
    draft.names |= {"participant": "--under", "restriction": "--under"}


@prepares("propose approve")
def weigh_approval(draft: Draft, *, under: str) -> None:
    """Name the restriction, and approve the weight that was issued where none is given."""
    name_restriction(draft, under=under)
    if "carats" in draft.fields:
        return
    number = str(draft.fields["number"])
    try:
        record = find_certificate(draft.session, number)
    except NotToFollowError:
        problem = f"{number} is not issued yet, so its weight is not known"
        raise UsageError("--carats", problem, "up to how much may be issued") from None
    draft.fields["carat_thousandths"] = record.carat_thousandths


@prepares("propose policy")
def read_settings(draft: Draft, *, settle: list[str]) -> None:
    """Read the values that are settled."""
    if draft.fields["participant"] == KPCS:
        draft.fields["participant"] = None
    given = dict(_read_value(one) for one in settle)
    draft.fields["values"] = given
    draft.names |= {f"values.{name}": f"--set {name}" for name in given}


def _read_value(text: str) -> tuple[str, object]:
    """Read ``officers=2``, ``strict_lineage=true``, ``expiry=JOURNEY`` or ``vigilance=CF,VE``."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError("--set", f"{text!r} has no value", "NAME=VALUE, such as officers=2")
    if name == "vigilance":
        return name, list(filter(None, value.split(",")))
    try:
        return name, msgspec.json.decode(value)
    except DECODE_ERRORS:
        return name, value


@prepares("submit-stats trade")
def read_trade(draft: Draft, *, file: Path) -> None:
    """Read the rows of a table."""
    draft.fields["rows"] = read_table(file, TradeRow)
    _number_edition(draft, Subject.TRADE, draft.fields["quarter"])


@prepares("submit-stats counts")
def read_counts(draft: Draft, *, file: Path) -> None:
    """Read the rows of a table."""
    draft.fields["rows"] = read_table(file, CountRow)
    _number_edition(draft, Subject.COUNTS, draft.fields["quarter"])


@prepares("submit-stats production")
def read_production(draft: Draft, *, file: Path) -> None:
    """Add up the rows of a table."""
    rows = read_table(file, _Production)
    if not rows:
        # Nobody should have mined nothing because the wrong file was at hand.
        raise UsageError("--file", f"{file} has no line", "a line; 0,0 where nothing was mined")
    draft.fields["carat_thousandths"] = sum(row.carat_thousandths for row in rows)
    draft.fields["value_usd_cents"] = sum(row.value_usd_cents for row in rows)
    _number_edition(draft, Subject.PRODUCTION, draft.fields["half_year"])


def _number_edition(draft: Draft, kind: Subject, period: object) -> None:
    """Take the number after that of the newest edition on the ledger, unless one is given."""
    draft.names |= dict.fromkeys(("rows", "carat_thousandths", "value_usd_cents"), "--file")
    if "edition" in draft.fields:
        return
    code = author_of(draft.session.home, draft.by.signer.key).participant
    question = SubjectQuestion(subject=subject_under(code, kind, str(period)))
    record = bytes(draft.session.answer(SUBJECT, question).record)
    known = read_from("the node", record, _known_decoder.decode)
    draft.looked_up.add("edition")
    draft.fields["edition"] = 1 if known is None else len(known.editions) + 1
