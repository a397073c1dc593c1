"""Keys in byte order, compared with sorting them all anew."""

from hypothesis import given, strategies as st

from kpledger.analysis.sorted_keys import SortedKeys

KEYS = st.binary(max_size=3)
MANY = 5000


def expected(keys: set[bytes], prefix: bytes, start: bytes | None, *, reverse: bool) -> list[bytes]:
    chosen = sorted(key for key in keys if key.startswith(prefix))
    if start is not None and reverse:
        return [key for key in chosen if key <= start][::-1]
    chosen = [key for key in chosen if start is None or key >= start]
    return chosen[::-1] if reverse else chosen


@given(
    steps=st.lists(st.tuples(st.booleans(), KEYS), max_size=60),
    prefix=st.binary(max_size=2),
    start=st.none() | KEYS,
    reverse=st.booleans(),
)
def test_a_walk_gives_what_sorting_gives(
    *, steps: list[tuple[bool, bytes]], prefix: bytes, start: bytes | None, reverse: bool
) -> None:
    keys, model = SortedKeys(), set[bytes]()
    for is_walk, key in steps:
        if is_walk:
            assert list(keys.walk()) == sorted(model)
        elif key in model:
            keys.remove(key)
            model.remove(key)
        else:
            keys.add(key)
            model.add(key)
    found = list(keys.walk(prefix, start=start, reverse=reverse))
    assert found == expected(model, prefix, start, reverse=reverse)


def test_many_keys_that_come_between_others_stay_in_order() -> None:
    keys, model = SortedKeys(), set[bytes]()
    for number in range(MANY):
        key = (number * 7919 % MANY).to_bytes(4, "big")
        keys.add(key)
        model.add(key)
        if number % 50 == 0:
            next(keys.walk())
    assert list(keys.walk()) == sorted(model)
    assert list(keys.walk(b"\0\0\x03")) == [key for key in sorted(model) if key[2] == 3]


def test_the_last_prefix_of_all_has_no_end() -> None:
    keys = SortedKeys()
    for key in (b"\xfe", b"\xff", b"\xff\xff\x01"):
        keys.add(key)
    assert list(keys.walk(b"\xff")) == [b"\xff", b"\xff\xff\x01"]
