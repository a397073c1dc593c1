"""Where a node says that it is: one spelling, of this ledger, by the node itself."""

import msgspec
import pytest
from founding import NODES, make_genesis, make_genesis_file, signing_key, vary
from hypothesis import given, strategies as st

from kpledger.api.address_record import HOST_AND_PORT, MAX_ADDRESS_NUMBER, AddressRecord
from kpledger.api.gossip import Rumour, decode_rumour
from kpledger.base.codec import encode
from kpledger.base.errors import BadSignatureError, GenesisError, LedgerError
from kpledger.log.genesis import format_genesis, parse_genesis

GENESIS = make_genesis()
OTHER = parse_genesis(format_genesis(vary(make_genesis_file(), created_at=7)))
nodes = st.sampled_from(NODES)
places = st.from_regex(HOST_AND_PORT, alphabet=st.characters(codec="ascii"))
numbers = st.integers(1, MAX_ADDRESS_NUMBER)


def sign(node: str, peers: str = "bw-1.example:7700", number: int = 1) -> AddressRecord:
    return AddressRecord.sign(GENESIS, node, peers, number, signing_key(f"{node}/cosigning"))


def read(encoded: bytes) -> AddressRecord | None:
    record = decode_rumour(encoded).address
    if record is not None:
        record.verify(GENESIS)
    return record


@given(nodes, places, numbers)
def test_record_is_read_as_it_was_written_and_verifies(node: str, peers: str, number: int) -> None:
    record = sign(node, peers, number)
    assert read(encode(Rumour(address=record))) == record


@given(nodes, places, numbers, st.data())
def test_record_that_was_changed_is_refused(
    node: str, peers: str, number: int, data: st.DataObject
) -> None:
    encoded = bytearray(encode(Rumour(address=sign(node, peers, number))))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(LedgerError):
        read(bytes(encoded))


def test_record_of_another_node_key_or_ledger_is_refused() -> None:
    record = sign("bw-1")
    for wrong in (
        msgspec.structs.replace(record, node="eu-1"),
        AddressRecord.sign(GENESIS, "bw-1", "h:1", 1, signing_key("bw-1/consensus")),
        AddressRecord.sign(OTHER, "bw-1", "h:1", 1, signing_key("bw-1/cosigning")),
    ):
        with pytest.raises(BadSignatureError):
            wrong.verify(GENESIS)
    with pytest.raises(GenesisError, match="no node 'zz-1'"):
        msgspec.structs.replace(record, node="zz-1").verify(GENESIS)


NO_ADDRESSES = [
    *("", "h", "h:0", "h:65536", "h:07", "h:1\n", "h\n:1", "a b:1", "::1:7", "[::1:7", "u@h:1"),
    *("h/p:1", "https://h:1", f"{'h' * 254}:1", f"[{'0' * 46}]:1"),
]


@pytest.mark.parametrize("peers", NO_ADDRESSES)
def test_what_is_no_address_is_refused(peers: str) -> None:
    with pytest.raises(LedgerError):
        decode_rumour(encode(Rumour(address=sign("bw-1", peers))))
