"""Blocks: what is signed, what is hashed, and which bytes are a block at all."""

from typing import Final

import pytest
from drawing import structs
from founding import signing_key, vary
from hypothesis import given, strategies as st

from kpledger.base.codec import encode
from kpledger.base.errors import BadSignatureError, LedgerError, MalformedError, OversizedError
from kpledger.base.hashing import Domain, hash_with_domain
from kpledger.log.block import (
    MAX_BLOCK_BYTES,
    MAX_BLOCK_EVENTS,
    BlockHeader,
    BlockKind,
    SealedBlock,
    block_preimage,
    compute_head,
    decode_block,
    decode_block_header,
    encode_block,
    verify_leader,
)

KEY: Final = signing_key("bw-1/consensus")
HEADER: Final = BlockHeader(
    chain=b"\x01" * 32,
    era=0,
    term=2,
    height=3,
    prev_head=b"\x02" * 32,
    first_event=4,
    event_count=1,
    payload_root=b"\x03" * 32,
    tree_size=5,
    tree_root=b"\x04" * 32,
    state_digest=b"\x05" * 32,
    config_hash=b"\x06" * 32,
    leader="bw-1",
    time_ms=7,
    kind=BlockKind.BLOCK,
)
HEAD: Final = compute_head(encode(HEADER))


@given(structs(BlockHeader))
def test_header_survives_being_encoded(header: BlockHeader) -> None:
    assert decode_block_header(encode(header)) == header


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4))
def test_block_survives_being_encoded(events: list[bytes]) -> None:
    block = decode_block(encode_block(HEADER, tuple(events), KEY))
    assert (decode_block_header(block.header), block.events) == (HEADER, tuple(events))
    verify_leader(HEADER, HEAD, block.signature, KEY.public_key)


def test_preimage_is_pinned_byte_by_byte() -> None:
    assert block_preimage(HEADER, HEAD) == b"".join(
        [
            b"kpledger/block/v1\0",
            b"\x01" * 32,
            b"\0\0\0\0",
            b"\x06" * 32,
            b"\0\0\0\0\0\0\0\x02",
            b"\0\0\0\0\0\0\0\x03",
            HEAD,
        ]
    )


def test_head_is_the_hash_of_the_exact_header() -> None:
    assert hash_with_domain(Domain.HEAD, encode(HEADER)) == HEAD


@given(st.data(), st.sampled_from(HEADER.__struct_fields__))
def test_head_and_signature_cover_every_field(data: st.DataObject, field: str) -> None:
    other = vary(HEADER, **{field: getattr(data.draw(structs(BlockHeader)), field)})
    if other == HEADER:
        return
    signature = KEY.sign(block_preimage(HEADER, HEAD))
    head = compute_head(encode(other))
    assert head != HEAD
    with pytest.raises(BadSignatureError, match=f"block {other.height} by"):
        verify_leader(other, head, signature, KEY.public_key)


def test_signature_of_another_leader_does_not_verify() -> None:
    signature = signing_key("eu-1/consensus").sign(block_preimage(HEADER, HEAD))
    with pytest.raises(BadSignatureError) as caught:
        verify_leader(HEADER, HEAD, signature, KEY.public_key)
    assert caught.value.key == KEY.public_key


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"height": 0}, "height"),
        ({"chain": bytes(31)}, "chain"),
        ({"era": 2**32}, "era"),
        ({"term": -1}, "term"),
        ({"event_count": MAX_BLOCK_EVENTS + 1}, "event_count"),
        ({"tree_size": 2**53}, "tree_size"),
        ({"kind": "OTHER"}, "kind"),
        ({"leader": 1}, "leader"),
    ],
)
def test_header_outside_its_limits_is_refused(changes: dict[str, object], field: str) -> None:
    with pytest.raises(MalformedError) as caught:
        decode_block_header(encode(vary(HEADER, **changes)))
    assert caught.value.field == field


def test_header_with_an_endless_leader_is_refused() -> None:
    with pytest.raises(OversizedError):
        decode_block_header(encode(vary(HEADER, leader="a" * 1024)))


@pytest.mark.parametrize(
    ("block", "field"),
    [
        (SealedBlock(header=b"", signature=bytes(64), events=()), "events"),
        (SealedBlock(header=b"", signature=bytes(63), events=(b"",)), "signature"),
        (SealedBlock(header=bytes(1025), signature=bytes(64), events=(b"",)), "header"),
        (
            SealedBlock(header=b"", signature=bytes(64), events=(b"",) * (MAX_BLOCK_EVENTS + 1)),
            "events",
        ),
    ],
)
def test_block_outside_its_limits_is_refused(block: SealedBlock, field: str) -> None:
    with pytest.raises(MalformedError) as caught:
        decode_block(encode(block))
    assert caught.value.field == field


def test_oversized_block_is_refused_at_the_door() -> None:
    with pytest.raises(OversizedError):
        decode_block(bytes(MAX_BLOCK_BYTES + 1))


@given(st.binary(max_size=100))
def test_bytes_of_a_stranger_are_no_block(stranger: bytes) -> None:
    with pytest.raises(LedgerError):
        decode_block(stranger)
