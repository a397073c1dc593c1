"""Statements: the event that a command makes, signed by one or several, and sent or handed on.

Some statements take several signatures: the Chair countersigns a participant's first authority and
one that serves a territory, the destination an amendment of a shipment that has arrived. Where all
keys are in one place, ``--cosign`` adds them at once; otherwise ``--offline FILE`` writes the
signed event for the other signer, who adds a signature with ``cosign`` and sends it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import msgspec

from kpclient.clock import now_ms
from kpclient.errors import ClientError, UsageError
from kpclient.files import check_destination
from kpclient.input.batch import BatchRow
from kpclient.input.documents import naming
from kpclient.input.field_options import find_option
from kpclient.input.forms import read_struct
from kpclient.input.options import StatementOptions
from kpclient.net.heads import FOLLOWING, FOUNDING, Head, look_up_head
from kpclient.net.node_client import NoAccessError, NodeUnreachableError
from kpclient.outbox import OutboxEntry, Statement, TypedStatement
from kpclient.output.console import warn_of_suspect
from kpclient.session import Session, find_certificate
from kpclient.statements.caution import ask_first, find_caution
from kpclient.statements.sending import send, show_typed
from kpclient.statements.signing import Keyring, author_of, open_keystore
from kpledger.scheme.event import Body, SignedEvent
from kpledger.scheme.v1.records import CertificateRecord
from kpledger.scheme.v1.rules.subject import subject_of


class UnsignedAheadError(ClientError):
    """Something on the same subject was typed before, and has to be signed first."""

    def __init__(self, typed: TypedStatement) -> None:
        said = f"{typed.type}, typed before on {typed.subject}, waits to be signed"
        super().__init__(
            f"{said}: kpledger outbox send; or forget it: kpledger outbox drop {typed.entry_id}"
        )


@dataclass
class Draft:
    """A statement that is not signed yet; a command may fill in what was not typed."""

    by: StatementOptions
    kind: type[Body]
    fields: dict[str, object]
    """The plain value of the body, as far as it is known."""
    subject: str = ""
    names: dict[str, str] = field(default_factory=dict)
    """What is typed for a field, by its path below the body."""
    looked_up: set[str] = field(default_factory=set)
    """Fields that nobody typed: they follow from what the ledger holds."""
    prev: bytes | None = None
    file: Path | None = None
    """Where the fields were written."""
    command: str = ""
    given: dict[str, object] = field(default_factory=dict)
    """Parameters of the command besides the fields."""
    at_ms: int | None = None
    """When it was typed, if that was earlier."""
    yes: bool = False
    """Whether its author has said that it is meant, whatever it opens."""

    @cached_property
    def session(self) -> Session:
        """The ledger that is meant; it is not asked where what is made has no place.

        Raises:
            UsageError: nothing can be written where ``--offline`` says.
        """
        if self.by.sending.offline is not None:
            check_destination("--offline", self.by.sending.offline, form="json")
        return Session(self.by.connection, recalls=self.by.sending.offline_ok)

    def find_certificate(self) -> CertificateRecord:
        """Look up the certificate that it is about, and follow its newest event.

        Raises:
            UsageError: the number is none.
            NotToFollowError: there is no such certificate.
        """
        record = find_certificate(self.session, self.subject)
        self.prev = record.head
        return record

    def option_of(self, place: str) -> str:
        """Give what was typed for a field of the event, at the place that an error names."""
        if place == "signatures" and not self.by.cosign:
            return self.names["author"]  # its key alone has signed
        return self.names.get(place) or find_option(self.names, place.removeprefix("body."))

    def make(self, prepare: Callable[..., None] = lambda _: None) -> None:
        """Complete the statement, sign it, and send it or hand it on.

        Where it lacks what the ledger holds, no node is reached and nothing is remembered, what was
        typed is kept, if it may be, and signed when there is a line.

        Raises:
            MalformedError: the fields are no body of this type.
            UsageError: the subject has to be named.
            ClientError: it is refused, or nobody knows yet.
        """
        plain, sending = self._write_down(), self.by.sending
        is_sent = sending.offline is None and not sending.dry_run
        try:
            prepare(self, **self.given)
            # What states the same and waits is sent again, and nothing else signed.
            open_one = self._find_open() if is_sent else None
            made = open_one or (self._sign_once(plain) if is_sent else self.sign())
        except (NodeUnreachableError, UnsignedAheadError) as error:
            if not (sending.offline_ok and is_sent) or isinstance(error, NoAccessError):
                raise
            typed = self._as_typed(plain)
            self.session.outbox.put_typed(typed)
            show_typed(typed, str(error), as_json=self.by.connection.as_json)
            return
        earlier, event = (made, made.event) if isinstance(made, OutboxEntry) else (None, made)
        send(
            self.session,
            event,
            connection=self.by.connection,
            sending=sending,
            earlier=earlier,
            yes=self.yes or self.by.yes,
        )

    def _sign_once(self, plain: bytes) -> SignedEvent | OutboxEntry:
        """Make the event; if the same was typed before, that is signed with it and waits as it."""
        outbox = self.session.outbox
        if not outbox.typed():
            return self.sign()
        with outbox.signing():
            waited = self._find_typed(plain)
            event = self.sign()
            if waited is None:
                return event
            entry = outbox.put(event, typed=waited.entry_id, yes=self.yes)
            outbox.drop(waited.entry_id)
        return entry

    def _find_open(self) -> OutboxEntry | None:
        """Find what waits and states the same, signed by the same keys."""
        body, home = self.body, self.session.home
        author = author_of(home, self.by.signer.key)
        if self.by.sending.again:
            return None
        keys = (self.by.signer.key, *(self.by.cosign or ()))
        statement = Statement(
            author=author,
            subject=self.subject or subject_of(author.participant, body) or "",
            body=body,
            signers=frozenset(open_keystore(home).entry(name).public_key for name in keys),
            at_ms=now_ms(),
        )
        return self.session.outbox.find_same(statement, but_for=self.looked_up)

    def _write_down(self) -> bytes:
        """Give what was typed, as far as it can be written down."""
        given = {
            name: value.absolute() if isinstance(value, Path) else value
            for name, value in self.given.items()
        }
        return msgspec.json.encode({"fields": self.fields, "given": given}, enc_hook=str)

    def _as_typed(self, plain: bytes) -> TypedStatement:
        """Give what was typed, as the outbox keeps it; what is there already, if it is the same."""
        typed = TypedStatement(
            command=self.command,
            type=self.kind.TYPE,
            subject=self.subject,
            author=str(author_of(self.session.home, self.by.signer.key)),
            keys=(self.by.signer.key, *(self.by.cosign or ())),
            yes=self.by.yes,
            at_ms=now_ms(),
            **msgspec.json.decode(plain),
        )
        known = () if self.by.sending.again else self.session.outbox.typed()
        return next((one for one in known if typed.is_same(one)), typed)

    def _find_typed(self, plain: bytes) -> TypedStatement | None:
        """Find the same that was typed before and is signed now, as of then."""
        known = self.session.outbox.typed()
        typed = self._as_typed(plain) if known else None
        if typed in known:
            self.at_ms = typed.at_ms
            return typed
        for one in known:
            if one.subject == self.subject != "":
                raise UnsignedAheadError(one)
        return None

    @cached_property
    def body(self) -> Body:
        """What is said, once all fields are there.

        Raises:
            MalformedError: the fields are no body of this type.
        """
        with naming(self.file):
            return read_struct(self.kind, self.fields, within="body")

    def sign(self) -> SignedEvent:
        """Make the event, once all fields are there.

        Where no subject is given, it is the one that author and body speak of; where no event is
        given that it follows, it follows the newest on its subject, if its type has to.

        Raises:
            MalformedError: the fields are no body of this type.
            UsageError: the subject has to be named.
            ClientError: what it follows cannot be looked up.
        """
        body = self.body
        keyring = Keyring(self.session, self.by.signer)
        author, _ = keyring.open()
        about = self.subject or subject_of(author.participant, body)
        if about is None:
            problem = f"an event of type {body.TYPE} does not say what it is about"
            accepted = "a subject, such as BW00000042 or ZW/review/2026-1"
            raise UsageError("--subject", problem, accepted)
        follows, head = self.prev, None
        if body.TYPE in FOLLOWING:
            head = self._find_head(about)
            if head is not None:
                follows = follows or head.event_id
                if head.is_suspect:
                    warn_of_suspect(about)
        caution, sending = find_caution(body, about, head), self.by.sending
        rehearses = sending.dry_run and sending.offline is None
        ask_first(caution, yes=self.by.yes, rehearses=rehearses)
        self.yes = self.by.yes or bool(caution)
        keys = ("", *(self.by.cosign or ()))
        return keyring.write(
            body, keys=keys, subject=about, prev=self.prev or follows, occurred_at=self.at_ms
        )

    def _find_head(self, about: str) -> Head | None:
        """Find the newest event on a subject: on the ledger, or waiting here to be sent to it."""
        recall, head, silence = self.session.recall, None, None
        try:
            head = self.session.ask(lambda ledger: look_up_head(ledger, about))
        except NodeUnreachableError as error:
            silence = error
        own = recall.use_head(about) if recall.silence is not None else None
        if own is not None and (head is None or own.hex() not in head.events):
            head = Head(own) if head is None else replace(head, event_id=own)
            self.prev = own
        for one in self.session.outbox.waiting():
            event_id, kind = one.event.event_id, one.event.header.type
            moves = kind in FOLLOWING | FOUNDING and about in BatchRow(0, "", one.event).subjects
            if moves and (head is None or event_id.hex() not in head.events):
                head = (head or Head(event_id)).after(kind, event_id)
                self.prev = head.event_id
        # That there was nothing when somebody looked says nothing of what has come since.
        unheard = silence or recall.silence
        if head is None and unheard is not None:
            raise unheard
        return head
