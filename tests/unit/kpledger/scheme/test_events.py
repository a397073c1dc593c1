"""The catalogue of events: 63 types, each of which comes back as it was encoded."""

from typing import Final

import msgspec
import pytest
from drawing import structs
from hypothesis import given, strategies as st

from kpledger.base.codec import encode
from kpledger.base.errors import LedgerError, MalformedError, NotCanonicalError
from kpledger.scheme.event import (
    MAX_EVENT_BYTES,
    MAX_SIGNATURES,
    Author,
    Body,
    EventHeader,
    decode_body,
    decode_event_header,
    encode_event,
)
from kpledger.scheme.v1.catalogue import CATALOGUE
from kpledger.scheme.v1.events import BODIES
from kpledger.scheme.v1.events.importing import ShipmentReleased

TYPES: Final = [
    "amendment_endorsed",
    "annual_report_filed",
    "anomaly_answered",
    "anomaly_questioned",
    "arrival_recorded",
    "authority_closed",
    "authority_registered",
    "body_composed",
    "case_opened",
    "certificate_format_notified",
    "certificate_found",
    "certificate_issued",
    "certificate_lost",
    "certificate_replaced",
    "certificate_returned_unused",
    "certificate_validated",
    "certificate_voided",
    "chair_recovered",
    "chair_rotated",
    "concern_answered",
    "concern_closed",
    "concern_raised",
    "correction_made",
    "count_statistics_submitted",
    "decision_recorded",
    "discrepancy_resolved",
    "event_countersigned",
    "export_notified",
    "import_confirmed",
    "import_confirmed_discrepant",
    "import_refused_returned",
    "key_added",
    "key_revoked",
    "key_rotated",
    "meeting_announced",
    "meeting_held",
    "note_filed",
    "number_range_allocated",
    "number_range_retired",
    "observer_registered",
    "observer_withdrawn",
    "opening_withdrawn",
    "participant_admitted",
    "participant_recovered",
    "participant_status_changed",
    "policy_set",
    "position_taken",
    "production_statistics_submitted",
    "recommendation_followed_up",
    "restriction_lifted",
    "restriction_set",
    "return_received",
    "review_carried_out",
    "review_consented",
    "review_reported",
    "review_requested",
    "rules_activated",
    "shipment_approved",
    "shipment_declined",
    "shipment_detained",
    "shipment_diverted",
    "shipment_released",
    "shipment_seized",
    "suspect_judged",
    "suspect_reported",
    "trade_statistics_submitted",
    "transit_noted",
    "vice_chair_elected",
]

bodies = st.sampled_from(sorted(BODIES)).flatmap(lambda known: structs(BODIES[known]))


def _header(body: Body, **changes: object) -> EventHeader:
    header = EventHeader(
        chain=bytes(32),
        type=body.TYPE,
        version=body.VERSION,
        author=Author(participant="BW", authority="root"),
        nonce=bytes(16),
        occurred_at=0,
        subject="BW",
        prev=None,
        body=msgspec.Raw(encode(body)),
    )
    return msgspec.structs.replace(header, **changes)


def test_catalogue_is_complete_and_nothing_else() -> None:
    assert sorted(BODIES) == [(name, 1) for name in TYPES]
    assert sorted(body.TYPE for body in CATALOGUE) == TYPES


@given(
    bodies,
    structs(Author),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=16, max_size=16),
    st.none() | st.binary(min_size=32, max_size=32),
)
def test_event_survives_being_encoded(
    body: Body, author: Author, chain: bytes, nonce: bytes, prev: bytes | None
) -> None:
    payload = encode_event(
        chain=chain,
        author=author,
        nonce=nonce,
        occurred_at=1,
        subject="BW/gaborone",
        prev=prev,
        body=body,
    )
    header = decode_event_header(payload)
    assert decode_body(header, BODIES) == body
    raw = msgspec.Raw(encode(body))
    assert bytes(header.body) == bytes(raw)
    assert msgspec.structs.replace(header, body=raw) == EventHeader(
        chain=chain,
        type=body.TYPE,
        version=1,
        author=author,
        nonce=nonce,
        occurred_at=1,
        subject="BW/gaborone",
        prev=prev,
        body=raw,
    )


@given(bodies, st.sampled_from(TYPES))
def test_body_of_one_type_is_not_taken_for_another(body: Body, name: str) -> None:
    header = _header(body, type=name)
    try:
        found = decode_body(header, BODIES)
    except LedgerError:
        return
    assert found == body or encode(found) == encode(body)


@pytest.mark.parametrize(("name", "version"), [("key_lost", 1), ("key_added", 2)])
def test_unknown_type_names_the_known_ones(name: str, version: int) -> None:
    body = ShipmentReleased(remedy="")
    with pytest.raises(MalformedError, match="known types are amendment_endorsed v1, ") as caught:
        decode_body(_header(body, type=name, version=version), BODIES)
    assert caught.value.field == "type"


@given(bodies)
def test_body_must_be_canonical_itself(body: Body) -> None:
    fields = msgspec.to_builtins(body, builtin_types=(bytes,))
    unsorted = msgspec.msgpack.encode(dict(sorted(fields.items(), reverse=True)))
    header = msgspec.structs.replace(_header(body), body=msgspec.Raw(unsorted))
    if len(fields) > 1:
        with pytest.raises(NotCanonicalError):
            decode_body(header, BODIES)


def test_limits_leave_room_in_an_entry_of_a_tile() -> None:
    """A C2SP tile writes each entry with a 16-bit length."""
    signature_bytes = 120
    assert MAX_EVENT_BYTES + MAX_SIGNATURES * signature_bytes < 2**16
