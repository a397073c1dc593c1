"""Statements: the event that a command makes, signed by one or several, and sent or handed on.

A command of this kind is declared in ``commands/statements.toml`` by the type of its event; where
it works something out, a function completes its draft (:func:`prepares`). Some statements take
several signatures: the Chair countersigns a participant's first authority, the destination an
amendment of a shipment that has arrived. Where all keys are in one place, ``--cosign`` adds them at
once; otherwise ``--offline FILE`` writes the signed event for the other signer, who adds a
signature with ``cosign`` and sends it.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Final, get_type_hints

import typer

from kpclient.errors import UsageError
from kpclient.input.field_options import FieldOptions, find_option
from kpclient.input.forms import read_body
from kpclient.input.options import StatementOptions, add_command
from kpclient.input.reporting import reporting
from kpclient.net.heads import FOLLOWING, look_up_head
from kpclient.session import Session
from kpclient.statements.lookup import find_certificate
from kpclient.statements.sending import send
from kpclient.statements.signing import Keyring
from kpledger.scheme.event import Body
from kpledger.scheme.v1.records import CertificateRecord
from kpledger.scheme.v1.rules.subject import subject_of

_HEADER: Final = {"author": "--key", "signatures": "--cosign"}
"""Fields of an event besides its body, and what is typed for them."""


@dataclass
class Draft:
    """A statement that is not signed yet; a command may fill in what was not typed."""

    by: StatementOptions
    kind: type[Body]
    fields: dict[str, object]
    """The plain value of the body, as far as it is known."""
    names: dict[str, str]
    """What is typed for a field, by its path below the body."""
    subject: str = ""
    prev: bytes | None = None

    @cached_property
    def session(self) -> Session:
        """The ledger that is meant."""
        return Session(self.by.connection)

    def find_certificate(self) -> CertificateRecord:
        """Look up the certificate that it is about, and follow its newest event.

        Raises:
            UsageError: the number is none.
            NotFoundError: there is no such certificate.
        """
        record = find_certificate(self.session, self.subject)
        self.prev = record.head
        return record

    def option_of(self, field: str) -> str:
        """Give what was typed for a field of the event, as an error names it."""
        return self.names.get(field) or find_option(self.names, field.removeprefix("body."))


Prepare = Callable[..., None]
_preparers: Final[dict[str, Prepare]] = {}


def prepares(*commands: str) -> Callable[[Prepare], Prepare]:
    """Let a function complete the drafts of commands; its further parameters become options."""

    def register(prepare: Prepare) -> Prepare:
        _preparers.update(dict.fromkeys(commands, prepare))
        return prepare

    return register


def add_statement(
    app: typer.Typer,
    name: str,
    kind: type[Body],
    derived: FieldOptions,
    *,
    summary: str,
    example: str,
    about: tuple[str, str] | None,
) -> None:
    """Add a command that makes an event.

    Args:
        app: what the command belongs to.
        name: its name.
        kind: the type of the event.
        derived: the options of its fields.
        summary: what it does, in a line.
        example: what its help ends with.
        about: the argument that names the subject, and its help; None: author and body say it.
    """
    names = derived.names() | _HEADER | ({"subject": about[0]} if about else {})
    prepare = _preparers.get(name, _leave)
    hints = get_type_hints(prepare, include_extras=True)
    further = [
        one.replace(annotation=hints[one.name])
        for one in list(inspect.signature(prepare).parameters.values())[1:]
    ]

    def run(*, by: StatementOptions, subject: str = "", **given: object) -> None:
        draft = Draft(by, kind, {}, dict(names), subject)
        with reporting(as_json=by.connection.as_json, option_of=draft.option_of):
            draft.fields = derived.take(given)
            prepare(draft, **given)
            body = read_body(draft.kind, draft.fields)
            make_statement(by, body, subject=draft.subject, prev=draft.prev, session=draft.session)

    run.__doc__ = summary
    subjects = [_argument(*about)] if about else []
    by = inspect.Parameter("by", _KEYWORD, annotation=StatementOptions)
    add_command(app, name, run, [*subjects, *derived.parameters, *further, by], example=example)


def _leave(_: Draft) -> None:
    """Complete nothing: all is typed."""


def make_statement(
    by: StatementOptions,
    body: Body,
    *,
    subject: str = "",
    prev: bytes | None = None,
    session: Session | None = None,
) -> None:
    """Make a statement: sign it, and send it or hand it on.

    Where no subject is given, it is the one that author and body speak of; where no event is given
    that it follows, it follows the newest on its subject, if its type has to.

    Raises:
        UsageError: the subject has to be named.
        ClientError: it is refused, or nobody knows yet.
    """
    session = session or Session(by.connection)
    keyring = Keyring(session, by.signer)
    author, _ = keyring.open()
    about = subject or subject_of(author.participant, body)
    if about is None:
        problem = f"an event of type {body.TYPE} does not say what it is about"
        accepted = "a subject, such as BW00000042 or ZW/review/2026-1"
        raise UsageError("--subject", problem, accepted)
    follows = prev
    if follows is None and body.TYPE in FOLLOWING:
        head = session.ask(lambda ledger: look_up_head(ledger, about))
        follows = None if head is None else head.event_id
    event = keyring.write(body, keys=("", *(by.cosign or ())), subject=about, prev=follows)
    send(session, event, connection=by.connection, sending=by.sending)


_KEYWORD: Final = inspect.Parameter.KEYWORD_ONLY


def _argument(metavar: str, words: str) -> inspect.Parameter:
    kind = Annotated[str, typer.Argument(metavar=metavar, help=words)]
    return inspect.Parameter("subject", _KEYWORD, annotation=kind)
