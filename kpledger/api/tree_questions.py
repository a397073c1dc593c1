"""What is asked about the tree: its tiles, and proofs in it."""

from functools import partial
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.units import MAX_AMOUNT
from kpledger.books.question import Question, form
from kpledger.log.tiles import parse_tile_path

_TILE_INDEX: Final = r"(x[0-9]{3}/){0,6}[0-9]{3}(\.p/[1-9][0-9]{0,2})?"


class TileQuestion(Question, frozen=True, kw_only=True):
    """Which tile."""

    path: Annotated[
        str,
        form(
            rf"([0-9]|[1-5][0-9]|6[0-3])/{_TILE_INDEX}",
            "LEVEL/N or LEVEL/N.p/WIDTH, as 0/x001/x234/067.p/8 (C2SP tlog-tiles)",
            parse=partial(parse_tile_path, is_entries=False),
        ),
    ]


class BundleQuestion(Question, frozen=True, kw_only=True):
    """Which entries."""

    path: Annotated[
        str,
        form(
            _TILE_INDEX,
            "N or N.p/WIDTH, as x001/x234/067.p/8 (C2SP tlog-tiles)",
            parse=partial(parse_tile_path, is_entries=True),
        ),
    ]


class InclusionQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which event."""

    index: Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]
    """Its place among all events, from 0."""


class ConsistencyQuestion(msgspec.Struct, frozen=True, kw_only=True, rename={"size": "from"}):
    """Which earlier tree."""

    size: Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]
