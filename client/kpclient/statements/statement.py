"""Stating: the event that a command makes, signed by one or several, and sent or handed on.

Some statements take several signatures: the Chair countersigns a participant's first authority, the
destination an amendment of a shipment that has arrived. Where all keys are in one place,
``--cosign`` adds them at once; otherwise ``--offline FILE`` writes the signed event for the other
signer, who adds a signature with ``cosign`` and sends it.
"""

from pathlib import Path

from kpclient.errors import UsageError
from kpclient.files import write_durably
from kpclient.input.options import StatementOptions
from kpclient.net.heads import FOLLOWING, look_up_head
from kpclient.output.console import print_fields, print_json
from kpclient.session import Session
from kpclient.statements.sending import send
from kpclient.statements.signing import open_signer
from kpledger.scheme.envelope import format_envelope_json
from kpledger.scheme.event import Body, SignedEvent
from kpledger.scheme.v1.rules.subject import subject_of


def state(
    by: StatementOptions, body: Body, *, subject: str = "", prev: bytes | None = None
) -> None:
    """Make a statement: sign it, and send it or hand it on.

    Where no subject is given, it is the one that author and body speak of; where no event is given
    that it follows, it follows the newest on its subject, if its type has to.

    Raises:
        UsageError: the subject has to be named.
        ClientError: it is refused, or nobody knows yet.
    """
    session = Session(by.connection)
    pen = open_signer(session, by.signer, cosigners=tuple(by.cosigning.cosign or ()))
    about = subject or subject_of(pen.author.participant, body)
    if about is None:
        problem = f"a {body.TYPE} does not say what it is about"
        raise UsageError("--subject", problem, "a subject, as BW00000042 or ZW/review/2026-1")
    follows = prev
    if follows is None and body.TYPE in FOLLOWING:
        head = session.ask(lambda remote: look_up_head(remote, about))
        follows = None if head is None else head.event_id
    event = pen.write(body, subject=about, prev=follows)
    if by.cosigning.offline is None:
        send(session, event, connection=by.connection, sending=by.sending)
    else:
        hand_on(event, by.cosigning.offline, as_json=by.connection.as_json)


def hand_on(event: SignedEvent, file: Path, *, as_json: bool) -> None:
    """Write a signed event for another signer.

    Raises:
        UsageError: the file is there already.
    """
    try:
        write_durably(file, format_envelope_json(event.encoded) + b"\n", replace=False)
    except FileExistsError:
        raise UsageError("--offline", f"{file} is there already", "a new file") from None
    written = {"id": event.event_id.hex(), "status": "written", "file": str(file)}
    if as_json:
        print_json(written)
    else:
        print_fields(written)
