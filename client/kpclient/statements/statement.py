"""Statements: the event that a command makes, signed by one or several, and sent or handed on.

Some statements take several signatures: the Chair countersigns a participant's first authority and
one that serves a territory, the destination an amendment of a shipment that has arrived. Where all
keys are in one place, ``--cosign`` adds them at once; otherwise ``--offline FILE`` writes the
signed event for the other signer, who adds a signature with ``cosign`` and sends it.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from kpclient.errors import UsageError
from kpclient.files import check_destination
from kpclient.input.documents import naming
from kpclient.input.field_options import find_option
from kpclient.input.forms import read_struct
from kpclient.input.options import StatementOptions
from kpclient.net.heads import FOLLOWING, look_up_head
from kpclient.output.console import print_trouble, warn_of_suspect
from kpclient.session import Session, find_certificate
from kpclient.statements.caution import ask_first, find_caution
from kpclient.statements.sending import send
from kpclient.statements.signing import Keyring
from kpledger.scheme.event import Body
from kpledger.scheme.v1.records import CertificateRecord
from kpledger.scheme.v1.rules.subject import subject_of


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

    @cached_property
    def session(self) -> Session:
        """The ledger that is meant; it is not asked where what is made has no place.

        Raises:
            UsageError: nothing can be written where ``--offline`` says.
        """
        if self.by.sending.offline is not None:
            check_destination("--offline", self.by.sending.offline, form="json")
        return Session(self.by.connection)

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

    def make(self) -> None:
        """Make the statement: sign it, and send it or hand it on.

        Where no subject is given, it is the one that author and body speak of; where no event is
        given that it follows, it follows the newest on its subject, if its type has to.

        Raises:
            MalformedError: the fields are no body of this type.
            UsageError: the subject has to be named.
            ClientError: it is refused, or nobody knows yet.
        """
        with naming(self.file):
            body = read_struct(self.kind, self.fields, within="body")
        keyring = Keyring(self.session, self.by.signer)
        author, _ = keyring.open()
        about = self.subject or subject_of(author.participant, body)
        if about is None:
            problem = f"an event of type {body.TYPE} does not say what it is about"
            accepted = "a subject, such as BW00000042 or ZW/review/2026-1"
            raise UsageError("--subject", problem, accepted)
        follows, head = self.prev, None
        if body.TYPE in FOLLOWING:
            head = self.session.ask(lambda ledger: look_up_head(ledger, about))
            if head is not None:
                follows = follows or head.event_id
                if head.is_suspect:
                    warn_of_suspect(about)
        self._ask_first(find_caution(body, about, head))
        keys = ("", *(self.by.cosign or ()))
        event = keyring.write(body, keys=keys, subject=about, prev=follows)
        send(
            self.session,
            event,
            connection=self.by.connection,
            sending=self.by.sending,
            looked_up=self.looked_up,
        )

    def _ask_first(self, caution: str) -> None:
        """Ask before it is sent; where it is not, yet, only say what would be asked."""
        sending = self.by.sending
        if sending.dry_run or sending.offline is not None:
            if caution:
                print_trouble(f"warning: {caution}")
        else:
            ask_first(caution, yes=self.by.yes)
