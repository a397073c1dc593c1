"""The bytes of a configuration, and which configurations are active."""

import pytest
from hypothesis import given, strategies as st

from kpnode.raft import (
    Configuration,
    Entry,
    EntryKind,
    Index,
    InvalidConfigurationError,
    NodeId,
    Term,
    decode_configuration,
    encode_configuration,
)
from kpnode.raft.membership import Membership

names = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable())
configurations = st.builds(
    lambda voters, attachment: Configuration(tuple(sorted(map(NodeId, voters))), attachment),
    st.sets(names, min_size=1, max_size=9),
    st.binary(max_size=40),
)

AB = Configuration((NodeId("a"), NodeId("b")), b"!")
ENCODED = b"\x01\x02\x00\x00\x00\x01a\x00\x00\x00\x01b\x00\x00\x00\x01!"


def config(*voters: str) -> Configuration:
    return Configuration(tuple(NodeId(voter) for voter in voters))


def entry(index: int, configuration: Configuration | None = None) -> Entry:
    if configuration is None:
        return Entry(Index(index), Term(1), EntryKind.BLOCK, b"")
    payload = encode_configuration(configuration)
    return Entry(Index(index), Term(1), EntryKind.CONFIG, payload)


@given(configurations)
def test_configuration_survives_its_bytes(configuration: Configuration) -> None:
    assert decode_configuration(encode_configuration(configuration)) == configuration


def test_bytes_of_a_configuration_are_fixed() -> None:
    """They are in the ledger: another spelling would be another ledger."""
    assert encode_configuration(AB) == ENCODED
    assert decode_configuration(ENCODED) == AB


@given(st.binary(max_size=60))
def test_what_decodes_encodes_to_the_same_bytes(data: bytes) -> None:
    try:
        configuration = decode_configuration(data)
    except InvalidConfigurationError:
        return
    assert encode_configuration(configuration) == data


@pytest.mark.parametrize(
    "data",
    [
        *(ENCODED[:length] for length in range(len(ENCODED))),
        ENCODED + b"\x00",
        b"\x02" + ENCODED[1:],
        ENCODED.replace(b"a", b"c"),
        ENCODED.replace(b"a", b"b"),
        ENCODED.replace(b"a", b"\xff"),
        b"\x01\x00\x00\x00\x00\x00",
    ],
)
def test_bytes_that_are_no_configuration_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidConfigurationError):
        decode_configuration(data)


def test_error_says_what_is_wrong_with_the_bytes() -> None:
    with pytest.raises(InvalidConfigurationError, match=r"^version 2, 18 bytes where 17 are"):
        decode_configuration(b"\x02" + ENCODED[1:] + b"!")


def test_configuration_is_active_beside_the_old_one_until_it_is_committed() -> None:
    membership = Membership(config("a"))
    membership.append(entry(1))
    membership.append(entry(2, config("b", "c")))
    assert list(membership.active) == [config("a"), config("b", "c")]
    assert membership.members == ("a", "b", "c")
    assert not membership.commit(Index(1))
    assert membership.commit(Index(2))
    assert list(membership.active) == [config("b", "c")]


def test_truncation_restores_what_was_active_before() -> None:
    membership = Membership(config("a"))
    membership.append(entry(2, config("b")))
    membership.append(entry(5, config("c")))
    membership.truncate(Index(5))
    assert list(membership.active) == [config("a"), config("b")]
    membership.truncate(Index(2))
    assert list(membership.active) == [config("a")]


def test_late_news_of_commits_may_skip_a_configuration() -> None:
    membership = Membership(config("a"))
    for index, name in ((2, "b"), (4, "c"), (6, "d")):
        membership.append(entry(index, config(name)))
    assert membership.commit(Index(5))
    assert list(membership.active) == [config("c"), config("d")]


def test_voter_of_any_active_configuration_is_a_voter() -> None:
    membership = Membership(config("a"))
    membership.append(entry(1, config("b")))
    assert [membership.is_voter(NodeId(name)) for name in "abc"] == [True, True, False]
