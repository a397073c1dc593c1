"""``kpledger receipt``, ``verify`` and ``policy``: proof that an event is on the ledger.

Who verifies a receipt asks nobody, and needs one file that it trusts: the genesis file of the
ledger, or a policy that somebody gave it.
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

import typer

from kpclient.commands.declared import command
from kpclient.files import (
    check_destination,
    is_stdout,
    read_bounded,
    read_text_bounded,
    write_public,
)
from kpclient.input.documents import naming
from kpclient.input.options import ConnectionOptions, LocalOptions
from kpclient.net.connections import NotTrustworthyError
from kpclient.net.ledger_client import LedgerClient
from kpclient.output.console import print_fields, print_json, print_line, print_text
from kpclient.output.histories import describe_event, tell_event
from kpclient.session import NotFoundError, Session, read_typed
from kpledger.base.errors import AnotherLedgerError, LedgerError, MalformedError
from kpledger.base.units import format_time
from kpledger.books.certificates import HISTORY, CertificateQuestion
from kpledger.command import EXIT_REFUSED
from kpledger.log.cose import CoseReceipt
from kpledger.log.genesis import Genesis
from kpledger.log.policy import (
    MAX_POLICY_BYTES,
    PolicyError,
    Sealed,
    TrustPolicy,
    format_policy,
    parse_policy,
    policy_of,
)
from kpledger.log.receipt import (
    MAX_RECEIPT_BYTES,
    Receipt,
    format_receipt,
    parse_receipt,
    trim_checkpoint,
    verify_receipt,
)
from kpledger.scheme.envelope import decode_envelope, verify_envelope
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.events.certificate import CertificateIssued, CertificateReplaced
from kpledger.scheme.v1.ids import parse_number

_EVENT_ID: Final = re.compile(r"[0-9a-f]{64}")
_ISSUING: Final = (CertificateIssued.TYPE, CertificateReplaced.TYPE)
_TRIES: Final = 5
"""So often a receipt in COSE may be of another tree than the one that was verified."""
_MS: Final = 1000


class _Verified(NamedTuple):
    """What a receipt shows."""

    receipt: Receipt
    event: SignedEvent
    sealed: Sealed


class ReceiptForm(StrEnum):
    """What a receipt is written as."""

    TLOG_PROOF = "tlog-proof"
    COSE = "cose"


@command("receipt")
def write_receipt(
    what: str,
    *,
    out: Path,
    form: ReceiptForm = ReceiptForm.TLOG_PROOF,
    policy: Path | None = None,
    connection: ConnectionOptions,
) -> None:
    """Write the receipt of an event into a file: proof for anybody that it is on the ledger.

    Of a certificate it is that of the event that issued it. The file holds the event and its
    signatures; whoever has the genesis file can verify it without asking anybody. It is verified
    before it is written, and waited for until enough voters have sealed the event. In COSE
    (RFC 9942) it is for programs that speak SCITT: without the event, and signed by one voter.
    """
    check_destination("--out", out, form=form, streams=False)
    session = Session(connection)
    asking = _Asking(_load_policy(policy, session.genesis), session.genesis)
    event = session.ask(lambda ledger: _find_event(ledger, what))
    fetch = asking.fetch_cose if form is ReceiptForm.COSE else asking.fetch
    found, written = session.ask(lambda ledger: fetch(ledger, event))
    write_public(out, written)
    _print_verified(found, as_json=connection.as_json)


class _Asking(NamedTuple):
    """Asks for receipts, and believes none that it has not verified."""

    trusted: TrustPolicy
    pinned: Genesis

    async def fetch(self, ledger: LedgerClient, event: SignedEvent) -> tuple[_Verified, bytes]:
        """Give the receipt of an event with the event in it, and without needless signatures."""
        node, proof = await ledger.receipt(event.event_id)
        try:
            checkpoint = trim_checkpoint(proof.checkpoint, self.trusted)
            written = format_receipt(Receipt(proof.index, proof.path, checkpoint, event.encoded))
            return _verify(written, self.trusted, self.pinned, source=node), written
        except PolicyError:
            raise
        except LedgerError as error:
            raise NotTrustworthyError(node, f"its receipt does not hold: {error}") from None

    async def fetch_cose(self, ledger: LedgerClient, event: SignedEvent) -> tuple[_Verified, bytes]:
        """Give the receipt in COSE, of a tree that is sealed: it says what the other one does."""
        for _ in range(_TRIES):
            found, _ = await self.fetch(ledger, event)
            node, written = await ledger.cose_receipt(event.event_id)
            checkpoint = found.sealed.signed.checkpoint
            expected = CoseReceipt(
                root=checkpoint.root,
                size=checkpoint.size,
                index=found.receipt.index,
                path=found.receipt.path,
                issuer=checkpoint.origin,
                subject=event.event_id.hex(),
            )
            try:
                expected.verify(written, self.pinned.consensus_keys.values())
            except LedgerError as error:
                problem = str(error)  # of a larger tree, perhaps, that was sealed meanwhile
            else:
                return found, written
        raise NotTrustworthyError(node, f"its receipt does not hold: {problem}")


async def _find_event(ledger: LedgerClient, what: str) -> SignedEvent:
    """Give the event of an id, or the one that issued a certificate."""
    if _EVENT_ID.fullmatch(what) is None:
        accepted = "the number of a certificate, such as BW00001234, or the id of an event"
        number = read_typed(parse_number, what, "NUMBER|EVENT-ID", accepted)
        history = await ledger.find(HISTORY, CertificateQuestion(number=number))
        listed = () if history is None else history.events
        what = next((one.id for one in listed if one.type in _ISSUING), "")
        if not what:
            raise NotFoundError(f"certificate {number}")
        return _check_issue(await _fetch(ledger, what), number)
    return await _fetch(ledger, what)


async def _fetch(ledger: LedgerClient, event_id: str) -> SignedEvent:
    recorded = await ledger.event(bytes.fromhex(event_id))
    if recorded is None:
        raise NotFoundError(f"event {event_id}")
    return recorded.event


def _check_issue(event: SignedEvent, number: str) -> SignedEvent:
    """See that an event issued a certificate, as a node says."""
    match event.body:
        case CertificateIssued(certificate=issued) | CertificateReplaced(certificate=issued):
            if issued.number == number:
                return event
    problem = f"event {event.event_id.hex()} did not issue {number}, as it says"
    raise NotTrustworthyError("the node", problem)


@command("verify")
def verify(
    *, file: Path, policy: Path | None = None, genesis: Path | None = None, local: LocalOptions
) -> None:
    """Verify that the event in a receipt is on the ledger, asking nobody.

    The genesis file says who has to have sealed it, or instead of it a policy. Exit code 0: it is
    on the ledger; 1: that is not shown, and why; 2: a file cannot be used, or the event is of
    another ledger.
    """
    written = read_bounded(file, max_bytes=MAX_RECEIPT_BYTES)
    pinned = None
    if policy is None or genesis is not None:
        pinned = Session(ConnectionOptions(genesis=genesis, home=local.home)).genesis
    trusted = _load_policy(policy, pinned)
    try:
        found = _verify(written, trusted, pinned, source=str(file))
    except AnotherLedgerError:
        raise
    except LedgerError as error:
        _print_refusal(error, as_json=local.as_json)
        raise typer.Exit(EXIT_REFUSED) from None
    _print_verified(found, as_json=local.as_json)


@command("policy")
def write_policy(
    *, genesis: Path | None = None, out: Path | None = None, local: LocalOptions
) -> None:
    """Write the policy that follows from a genesis file, for programs that verify receipts.

    It names the keys of the voters, and how many of them have to have sealed a receipt.
    """
    if out is not None:
        check_destination("--out", out)
    pinned = Session(ConnectionOptions(genesis=genesis, home=local.home)).genesis
    written = format_policy(policy_of(pinned))
    if out is not None and not is_stdout(out):
        write_public(out, written)
    elif local.as_json:
        print_json({"policy": written.decode()})
    else:
        print_text(written.decode())


def _load_policy(file: Path | None, pinned: Genesis | None) -> TrustPolicy:
    """Give the policy in a file, or that of a ledger."""
    if file is None and pinned is not None:
        return policy_of(pinned)
    content = read_text_bounded(file or Path(), max_bytes=MAX_POLICY_BYTES).encode()
    with naming(file):
        return parse_policy(content)


def _verify(
    written: bytes, trusted: TrustPolicy, pinned: Genesis | None, *, source: str
) -> _Verified:
    """Verify a receipt, and the event in it.

    Raises:
        AnotherLedgerError: the event was signed for another ledger than the one that is pinned.
        LedgerError: something does not hold.
    """
    receipt = parse_receipt(written)
    if receipt.extra is None:
        raise MalformedError("receipt", "it does not hold the event")
    event = decode_envelope(receipt.extra)
    # Only what its authors have signed says which ledger it is of: a changed byte says nothing.
    verify_envelope(event)
    if pinned is not None and event.header.chain != pinned.chain:
        chain = event.header.chain.hex()
        raise AnotherLedgerError(source, found=chain, pinned=pinned.chain.hex())
    return _Verified(receipt, event, verify_receipt(receipt, receipt.extra, trusted))


def _print_refusal(error: LedgerError, *, as_json: bool) -> None:
    if as_json:
        told: dict[str, object] = {"verified": False, "problem": str(error)}
        if isinstance(error, PolicyError):
            told |= {"have": error.have, "need": error.need, "missing": error.missing}
        print_json(told)
    else:
        print_line(f"NOT VERIFIED: {error}")


def _print_verified(found: _Verified, *, as_json: bool) -> None:
    checkpoint = found.sealed.signed.checkpoint
    if as_json:
        print_json(
            {
                "verified": True,
                "log": checkpoint.origin,
                "chain": found.event.header.chain,
                "index": found.receipt.index,
                "tree_size": checkpoint.size,
                "tree_root": checkpoint.root,
                "sealed_at_s": found.sealed.time_s,
                "cosigners": {name: one.time_s for name, one in found.sealed.cosigners.items()},
                "event": describe_event(found.event),
            }
        )
        return
    print_line("VERIFIED: this event is on the ledger")
    time_s, names = found.sealed.time_s, ", ".join(found.sealed.cosigners)
    print_fields(
        {
            "ledger": f"{checkpoint.origin}, chain {found.event.header.chain.hex()}",
            "place": f"event {found.receipt.index} of {checkpoint.size}, counted from 0",
            "sealed": "" if time_s is None else format_time(time_s * _MS),
            "sealed by": names or "nobody but the log; the policy asks for nobody else",
        }
    )
    print_line("event")
    print_fields(tell_event(found.event))
