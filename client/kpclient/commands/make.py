"""``kpledger make`` and ``cosign``: any event of the catalogue, and a further signature under one.

The everyday events have commands of their own; ``make`` makes every other, from a file with its
body, and those as well. ``cosign`` takes an event that another has signed.
"""

from pathlib import Path

from kpclient.commands.declared import command
from kpclient.errors import UsageError
from kpclient.input.documents import load_document
from kpclient.input.forms import find_type
from kpclient.input.options import (
    ConnectionOptions,
    SendingOptions,
    SignerOptions,
    StatementOptions,
)
from kpclient.input.wording import event_types, fields_of, summarise
from kpclient.net.node_client import NodeUnreachableError
from kpclient.outbox import state
from kpclient.output.console import print_json, print_line, print_table, print_trouble
from kpclient.output.histories import tell_event
from kpclient.output.layout import lay_out_fields
from kpclient.session import Session
from kpclient.statements.sending import ask_about, send
from kpclient.statements.signing import Keyring, author_of, read_signed
from kpclient.statements.statement import Draft
from kpledger.base.errors import MalformedError
from kpledger.scheme.envelope import add_signature, decode_envelope
from kpledger.scheme.event import Body


@command("make")
def make(
    *,
    kind: str = "",
    subject: str = "",
    body: Path | None = None,
    by: StatementOptions,
    list_types: bool = False,
    fields: bool = False,
) -> None:
    """Make any event of the catalogue, or explain what there is."""
    if list_types:
        _list(as_json=by.connection.as_json)
        return
    if not kind:
        raise UsageError(
            "TYPE", "no event type is named", "a type that `kpledger make --list` shows"
        )
    known = _find(kind)
    if fields:
        _explain(known, as_json=by.connection.as_json)
        return
    if body is None and (missing := [one.path for one in fields_of(known) if one.needed]):
        accepted = f"a file with these fields; `kpledger make {kind} --fields` explains them"
        raise UsageError("--body", f"{kind} says {', '.join(missing)}", accepted)
    Draft(by, known, {} if body is None else load_document(body), subject, file=body).make()


def _find(kind: str) -> type[Body]:
    try:
        return find_type(kind)
    except MalformedError:
        problem = f"there is no event type {kind!r}"
        raise UsageError("TYPE", problem, "a type that `kpledger make --list` shows") from None


def _list(*, as_json: bool) -> None:
    found = event_types()
    if as_json:
        print_json({"types": [{"type": name, "states": text} for name, text in found.items()]})
    else:
        print_table(("type", "what it states"), found.items())


def _explain(known: type[Body], *, as_json: bool) -> None:
    found = fields_of(known)
    if as_json:
        described = [one._asdict() for one in found]
        print_json({"type": known.TYPE, "states": summarise(known), "fields": described})
        return
    print_line(f"{known.TYPE}: {summarise(known)}")
    rows = [(one.path, "" if one.needed else "optional", one.form, one.meaning) for one in found]
    print_table(("field", "", "form", "meaning"), rows)


@command("cosign")
def cosign(
    *,
    file: Path,
    signer: SignerOptions,
    sending: SendingOptions,
    connection: ConnectionOptions,
    yes: bool = False,
) -> None:
    """Add a signature to what others have signed, and send it or hand it on.

    What is signed is shown first.
    """
    session = Session(connection)
    author_of(session.home, signer.key)
    event = read_signed(file)
    if event.header.chain != session.genesis.chain:
        problem = f"it is meant for ledger {event.header.chain.hex()}"
        raise UsageError("FILE", problem, f"an event for {session.genesis.chain.hex()}")
    for line in lay_out_fields(tell_event(event).items(), None):
        print_trouble(line)
    try:
        ask_about(session, event, yes=yes, rehearses=sending.dry_run and sending.offline is None)
    except NodeUnreachableError:
        if sending.offline is None and not sending.offline_ok:
            raise
    _, key = Keyring(session, signer).open()
    signed = decode_envelope(add_signature(event.encoded, key))
    earlier = None if sending.again else session.outbox.find_same(state(signed))
    send(session, signed, connection=connection, sending=sending, earlier=earlier, yes=yes)
