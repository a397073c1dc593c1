"""Signatures beside a message, verified on its way in: the thread of the core finds them known.

What does not verify is found again by whoever admits the message, and knows what follows from it.
"""

from contextlib import suppress
from typing import Final

from kpledger.base.codec import decode
from kpledger.base.errors import LedgerError
from kpledger.log.certificates import (
    decode_commit_certificate,
    decode_opening,
    decode_term_proof,
)
from kpledger.log.path import verify_path
from kpledger.log.statements import (
    MAX_STATEMENT_BYTES,
    Acknowledgement,
    Electorate,
    Nomination,
    PreVote,
    SignatureCheck,
    Vote,
    VoterStatement,
    verify_statement,
)
from kpnode.notary.attachment import decode_attachment
from kpnode.raft import AppendReply, HeartbeatRequest, MessageBody, PreVoteReply, TimeoutNow

_SAID: Final[dict[type[MessageBody], type[VoterStatement]]] = {
    AppendReply: Acknowledgement,
    HeartbeatRequest: Acknowledgement,
    PreVoteReply: PreVote,
    TimeoutNow: Nomination,
}


def verify_ahead(body: MessageBody, electorate: Electorate, check: SignatureCheck) -> None:
    """Verify what is attached to a message, and let ``check`` remember it."""
    with suppress(LedgerError):
        attached = decode_attachment(body.attached)
        if attached.statement is not None:
            kind = _SAID.get(type(body), Vote)
            what, limit = "statement", MAX_STATEMENT_BYTES
            said = decode(attached.statement, kind, what=what, max_bytes=limit)
            verify_statement(said, electorate, check)
        if attached.opening is not None:
            decode_opening(attached.opening).verify(electorate, check)
        if attached.commit is not None:
            decode_commit_certificate(attached.commit).verify(electorate, check)
        if attached.term_proof is not None:
            decode_term_proof(attached.term_proof).verify(electorate, check)
        if attached.path:
            verify_path(electorate, attached.path, check=check)
