"""Every file that people write and name is read whatever their editor adds to it."""

import json
from pathlib import Path

import pytest
from edited import Reading, check_mark_and_ends, check_other_encodings
from founding import NOW_MS, make_event, make_genesis
from scheme_statements import KEY
from statements import CERTIFICATE

from kpclient.commands.keys import _load_seed
from kpclient.errors import ClientError
from kpclient.input.batch import read_rows
from kpclient.input.documents import load_document, read_table
from kpclient.input.thresholds import _read
from kpclient.net.access_tokens import load_tokens
from kpclient.session import load_genesis
from kpledger.books.query import readable
from kpledger.scheme.envelope import format_envelope_json
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.events.statistics import CountRow

SIGNED = format_envelope_json(make_event("BW/gaborone", CertificateIssued(certificate=CERTIFICATE)))
DRAFT = {"type": KEY.TYPE, "subject": KEY.key.hex(), "occurred_at": 5, "body": readable(KEY)}
FILES: dict[str, Reading] = {
    "genesis": (make_genesis().encoded, lambda path: load_genesis(path).chain),
    "tokens": (b"one.example t1\ntwo.example t2\n", lambda path: load_tokens(path, in_clear=False)),
    "draft.json": (b'{"a": 1,\n"b": "0.5"}\n', load_document),
    "draft.toml": (b"a = 1\n[b]\nc = 0.5\n", load_document),
    "table": (b"partner,issued,received\nZA,2,0\n", lambda path: read_table(path, CountRow)),
    "thresholds": (b"[F1]\ndays = 45\n", _read),
    "seed": (b"# a key\n" + b"ab" * 32 + b"\n", _load_seed),
    "signed lines": (SIGNED + b"\n" + SIGNED + b"\n", lambda path: [*read_rows(path, now_ms=1)]),
    "drafts": (
        json.dumps(DRAFT).encode() + b"\n",
        lambda path: [*read_rows(path, now_ms=NOW_MS)],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_mark_and_other_ends_of_lines_change_nothing(name: str, tmp_path: Path) -> None:
    check_mark_and_ends(name, FILES[name], tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_another_encoding_is_named(name: str, tmp_path: Path) -> None:
    check_other_encodings(name, FILES[name], tmp_path, (ClientError,))
