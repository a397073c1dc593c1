"""The codec looks for text that is not NFC only where a type has no pattern: patterns are ASCII."""

import re
from collections.abc import Iterator

import pytest
from founding import EXPORTER, make_certificate, vary
from msgspec import inspect

from kpledger.base.codec import find_denormal_text
from kpledger.base.state import Record
from kpledger.log.block import BlockHeader, SealedBlock
from kpledger.scheme.envelope import Envelope
from kpledger.scheme.event import EventHeader
from kpledger.scheme.v1.events import BODIES
from kpledger.scheme.v1.events.certificate import CertificateIssued

KINDS = (
    *BODIES.values(),
    EventHeader,
    Envelope,
    BlockHeader,
    SealedBlock,
    *Record.__subclasses__(),
)
NOT_ASCII = ("é", "e\u0301", "\u0660", "\u2028", "\uff21", "\u017f")


def patterns_of(kind: inspect.Type) -> Iterator[str]:
    match kind:
        case inspect.StrType():
            if kind.pattern is not None:
                yield kind.pattern
        case inspect.VarTupleType():
            yield from patterns_of(kind.item_type)
        case inspect.UnionType():
            for one in kind.types:
                yield from patterns_of(one)
        case inspect.StructType():
            for field in kind.fields:
                yield from patterns_of(field.type)
        case _:
            pass


PATTERNS = sorted(
    {pattern for kind in inspect.multi_type_info(KINDS) for pattern in patterns_of(kind)}
)


def test_patterns_are_found_at_any_depth() -> None:
    assert len(PATTERNS) >= 8


@pytest.mark.parametrize("pattern", PATTERNS)
def test_pattern_has_no_class_that_reaches_beyond_ascii(pattern: str) -> None:
    """Nothing negated, no dot, no ``\\d`` or ``\\w``: those accept any script."""
    explicit = pattern.replace(r"\Z", "")
    assert pattern.isascii()
    assert "\\" not in explicit
    assert "[^" not in explicit
    assert "." not in re.sub(r"\[[^]]*\]", "", explicit)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("text", NOT_ASCII)
def test_pattern_refuses_text_beyond_ascii(pattern: str, text: str) -> None:
    assert re.search(pattern, text) is None
    assert re.search(pattern, "A" + text) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"remarks": "Cote\u0301"},
        {"seals": ("S-1", "Cote\u0301")},
        {"exporter": vary(EXPORTER, name="Cote\u0301")},
        {"importer": vary(EXPORTER, licence="Cote\u0301")},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_text_without_a_pattern_is_looked_at_however_deep(changes: dict[str, object]) -> None:
    sound = make_certificate()
    denormal = vary(sound, **changes)
    assert find_denormal_text(CertificateIssued(certificate=sound)) is None
    assert find_denormal_text(CertificateIssued(certificate=denormal)) == "Cote\u0301"
