"""Rehearsal: would the rules accept an event, as far as the node's records tell.

What the rules look at is fetched from a node into a state in memory, and the very rules of the
ledger are run on it. Nothing is sent. The records are the node's claims, and the ledger moves on;
so it is a forecast and no promise.
"""

from typing import Final

import msgspec

from kpclient.answers import Participant
from kpclient.remote import Remote
from kpledger.envelope import SignedEvent
from kpledger.errors import MalformedError
from kpledger.events.certificate import Certificate, CertificateIssued, CertificateReplaced
from kpledger.events.governance import KeyAdded, KeyRevoked, ParticipantAdmitted
from kpledger.genesis import Genesis
from kpledger.ids import KPCS, parse_number
from kpledger.outcome import Refusal
from kpledger.records import (
    AuthorityRecord,
    EventRecord,
    ParticipantRecord,
    RangesRecord,
    authority_key,
    certificate_key,
    event_key,
    key_key,
    participant_key,
    ranges_key,
)
from kpledger.rules import v1
from kpledger.state import ChangeSet, MemoryState

_MAX_CODES: Final = 8


async def rehearse(
    remote: Remote, genesis: Genesis, event: SignedEvent, *, now_ms: int
) -> Refusal | None:
    """Run the rules on an event, over what a node says; gives the refusal, or None."""
    state = ChangeSet(MemoryState())
    state.written.update(genesis.seed_state(MemoryState()).written)
    codes = {event.header.author.participant, event.header.subject[:2]}
    for number in _numbers(event):
        record = await remote.certificate(number)
        if record is not None:
            state.put(certificate_key(number), record)
            codes |= {record.issuer, record.destination}
    certificate = _certificate(event)
    if certificate is not None:
        codes.add(certificate.destination)
    await _fetch_participants(remote, state, codes)
    for public_key in _keys(event):
        key = await remote.key(public_key)
        if key is not None:
            state.put(key_key(public_key), key)
    recorded = await remote.event(event.event_id)
    if recorded is not None:
        place = EventRecord(
            index=recorded.index,
            height=recorded.height,
            type=recorded.event.header.type,
            participant=recorded.event.header.author.participant,
            authority=recorded.event.header.author.authority,
            subject=recorded.event.header.subject,
        )
        state.put(event_key(event.event_id), place)
    status = await remote.status()
    at = v1.Position(
        chain=genesis.chain,
        now_ms=max(now_ms, status.block_time_ms),
        index=status.tree_size,
        height=status.height + 1,
    )
    return v1.execute(event, state, at)


async def _fetch_participants(remote: Remote, state: ChangeSet, codes: set[str]) -> None:
    wanted = sorted(code for code in codes if code != KPCS and len(code) == len("BW"))
    for code in wanted[:_MAX_CODES]:
        if code.isascii() and code.isupper():
            participant = await remote.participant(code)
            if participant is not None:
                _put_participant(state, participant)


def _put_participant(state: ChangeSet, found: Participant) -> None:
    record = ParticipantRecord(
        code=found.code,
        name=found.name,
        kind=found.kind,
        standings=found.standings,
        authority_count=len(found.authorities),
    )
    state.put(participant_key(found.code), record)
    state.put(ranges_key(found.code), RangesRecord(ranges=found.ranges))
    for office in found.authorities:
        fields = msgspec.structs.asdict(office)
        record_of_office = AuthorityRecord(participant=found.code, **fields)
        state.put(authority_key(found.code, office.authority), record_of_office)


def _certificate(event: SignedEvent) -> Certificate | None:
    if isinstance(event.body, CertificateIssued | CertificateReplaced):
        return event.body.certificate
    return None


def _numbers(event: SignedEvent) -> tuple[str, ...]:
    certificate = _certificate(event)
    named = {event.header.subject} | ({certificate.number} if certificate else set())
    return tuple(sorted(filter(_is_number, named)))


def _is_number(text: str) -> bool:
    try:
        parse_number(text)
    except MalformedError:
        return False
    return True


def _keys(event: SignedEvent) -> tuple[bytes, ...]:
    body = event.body
    if isinstance(body, KeyAdded | KeyRevoked):
        return (*event.signers, body.key)
    if isinstance(body, ParticipantAdmitted):
        return (*event.signers, body.root_key)
    return event.signers
