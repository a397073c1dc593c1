"""What was verified once is known; what was not, or did not verify, is not."""

import pytest
from attacks.forgeries import forge
from founding import VOTERS, found_ledger, make_genesis, opening_events

from kpledger.base.errors import BadSignatureError, LedgerError
from kpledger.scheme.envelope import decode_envelope
from kpnode.signatures import Signatures

ENVELOPES = opening_events("BW/gaborone")
KEYS = make_genesis().consensus_keys


def test_event_is_known_when_it_has_verified_and_no_other_is() -> None:
    signatures, event = Signatures(), decode_envelope(ENVELOPES[0])
    assert not signatures.knows(event)
    signatures.check(event)
    assert signatures.knows(event)
    forged = decode_envelope(forge(ENVELOPES[0]))
    assert forged.event_id == event.event_id
    assert not signatures.knows(forged)


def test_what_does_not_verify_is_never_known() -> None:
    signatures, forged = Signatures(), decode_envelope(forge(ENVELOPES[0]))
    for _ in range(2):
        with pytest.raises(BadSignatureError):
            signatures.check(forged)
    assert not signatures.knows(forged)


def test_events_of_a_block_are_known_after_it_was_checked() -> None:
    ledger = found_ledger()
    block = ledger.record(*ENVELOPES)
    signatures = Signatures()
    signatures.check_block(block, KEYS)
    assert all(signatures.knows(decode_envelope(one)) for one in ENVELOPES)
    with pytest.raises(BadSignatureError):
        signatures.check_block(block, {**KEYS, VOTERS[0]: KEYS[VOTERS[1]]})
    with pytest.raises(LedgerError):
        signatures.check_block(b"no block", KEYS)


def test_memory_is_bounded_and_keeps_what_is_newest() -> None:
    signatures = Signatures(limit=1)
    first, second, third = map(decode_envelope, ENVELOPES[:3])
    for event in (first, second, third):
        signatures.check(event)
    assert [signatures.knows(one) for one in (first, second, third)] == [False, True, True]


def test_what_was_signed_here_is_not_verified() -> None:
    signatures, key, nothing = Signatures(), KEYS[VOTERS[0]], bytes(64)
    assert not signatures.check_statement(key, b"said", nothing)
    signatures.note_statement(key, b"said", nothing)
    assert signatures.check_statement(key, b"said", nothing)
