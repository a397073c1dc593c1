"""The lines of a file to submit: envelopes, drafts, and what is neither."""

import json
from pathlib import Path

import msgspec
import pytest
from founding import NOW_MS, make_event
from scheme_statements import KEY
from statements import CERTIFICATE, CONFIRMATION, REPLACEMENT

from kpclient.errors import UsageError
from kpclient.input import batch as lines_module
from kpclient.input.batch import BatchRow, EventDraft, read_rows
from kpledger.base.errors import BadSignatureError, LedgerError, MalformedError
from kpledger.books.query import readable
from kpledger.scheme.envelope import decode_envelope, format_envelope_json
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.events.certificate import CertificateIssued

ISSUED = CertificateIssued(certificate=CERTIFICATE)
ENVELOPE = make_event("BW/gaborone", ISSUED)
DRAFT = {"type": "import_confirmed", "subject": "BW000001", "body": readable(CONFIRMATION)}


def read(tmp_path: Path, *texts: str) -> list[BatchRow]:
    path = tmp_path / "file.ndjson"
    path.write_text("".join(f"{text}\n" for text in texts))
    return list(read_rows(path, now_ms=NOW_MS))


def content(tmp_path: Path, draft: dict[str, object]) -> SignedEvent | EventDraft | LedgerError:
    (line,) = read(tmp_path, json.dumps(draft))
    return line.content


def test_a_signed_envelope_is_taken_as_it_is(tmp_path: Path) -> None:
    (line,) = read(tmp_path, format_envelope_json(ENVELOPE).decode())
    assert line.content == decode_envelope(ENVELOPE)
    assert (line.subjects, line.governs) == (("BW000001",), False)


def test_a_draft_is_read_in_the_ledgers_own_fields(tmp_path: Path) -> None:
    found = content(tmp_path, DRAFT | {"occurred_at": 5, "prev": "ab" * 32})
    assert found == EventDraft("BW000001", CONFIRMATION, 5, bytes.fromhex("ab" * 32))
    assert not found.follows


def test_times_may_be_written_as_people_do(tmp_path: Path) -> None:
    draft = {"type": KEY.TYPE, "subject": KEY.key.hex(), "occurred_at": "1970-01-01T00:00:05Z"}
    body = readable(KEY)
    assert isinstance(body, dict)
    found = content(tmp_path, draft | {"body": body | {"valid_from": "1970-01-01T00:00:07.500Z"}})
    assert isinstance(found, EventDraft)
    assert found.occurred_at == 5_000
    assert found.body == msgspec.structs.replace(KEY, valid_from=7_500)


@pytest.mark.parametrize("field", ["occurred_at", "body.valid_from"])
def test_a_time_that_is_none_is_named(tmp_path: Path, field: str) -> None:
    draft = {"type": KEY.TYPE, "subject": KEY.key.hex(), "occurred_at": 5, "body": readable(KEY)}
    if field == "occurred_at":
        draft["occurred_at"] = "yesterday"
    else:
        draft["body"] = {**msgspec.to_builtins(draft["body"]), "valid_from": "yesterday"}
    found = content(tmp_path, draft)
    assert isinstance(found, MalformedError)
    assert (found.field, "2004-07-09T12:00:00Z" in found.problem) == (field, True)


def test_a_draft_on_a_certificate_follows_what_there_is_unless_it_says_what(
    tmp_path: Path,
) -> None:
    found = content(tmp_path, DRAFT)
    assert isinstance(found, EventDraft)
    assert found.follows
    issued = content(
        tmp_path,
        {"type": ISSUED.TYPE, "subject": "BW000001", "body": readable(ISSUED)},
    )
    assert issued == EventDraft("BW000001", ISSUED, None, None)
    assert not issued.follows


def test_a_certificate_may_be_written_as_people_do(tmp_path: Path) -> None:
    certificate = {
        "number": "BW000001",
        "destination": "EU",
        "origin": ["BW"],
        "parcels": 2,
        "lines": [
            {"hs": "710221", "carats": 40, "value_usd": 10000.00},
            {"hs": "710231", "carats": "60", "value_usd": "40000"},
        ],
        "expires_on": "2026-04-30",
        "seals": ["S-1", "S-0"],
        "exporter": readable(CERTIFICATE.exporter),
        "importer": readable(CERTIFICATE.importer),
    }
    body = {"certificate": certificate}
    found = content(tmp_path, {"type": ISSUED.TYPE, "subject": "BW000001", "body": body})
    assert found == EventDraft("BW000001", ISSUED, None, None)


def test_a_replacement_is_about_both_certificates(tmp_path: Path) -> None:
    draft = {"type": REPLACEMENT.TYPE, "subject": "BW000001", "body": readable(REPLACEMENT)}
    (line,) = read(tmp_path, json.dumps(draft))
    assert line.subjects == ("BW000001", "BW000002")


def test_what_is_about_no_certificate_governs(tmp_path: Path) -> None:
    draft = {"type": KEY.TYPE, "subject": KEY.key.hex(), "body": readable(KEY)}
    (line,) = read(tmp_path, json.dumps(draft))
    assert line.governs


def test_blank_lines_count_and_say_nothing(tmp_path: Path) -> None:
    assert [line.number for line in read(tmp_path, "", "{}", "  ", "{}")] == [2, 4]


def test_equal_lines_have_equal_texts(tmp_path: Path) -> None:
    one, two, other = read(tmp_path, "{}", " {} ", "{ }")
    assert one.text == two.text != other.text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": None}, "type"),
        ({"type": "unheard_of"}, "type"),
        ({"subject": 7}, "subject"),
        ({"body": []}, "body"),
        ({"occurred_at": "now"}, "occurred_at"),
        ({"prev": "ab"}, "prev"),
        ({"nonce": "ab"}, "nonce"),
    ],
)
def test_what_is_wrong_with_a_line_is_named(
    tmp_path: Path, change: dict[str, object], field: str
) -> None:
    found = content(tmp_path, DRAFT | change)
    assert isinstance(found, MalformedError)
    assert found.field == field


def test_a_forged_signature_is_seen_before_anything_is_sent(tmp_path: Path) -> None:
    envelope = json.loads(format_envelope_json(ENVELOPE))
    first = envelope["signatures"][0]
    first["sig"] = ("B" if first["sig"][0] == "A" else "A") + first["sig"][1:]
    assert isinstance(content(tmp_path, envelope), BadSignatureError)


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 10)
    with pytest.raises(UsageError, match="line 2 is too long"):
        read(tmp_path, "{}", "x" * 11)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        list(read_rows(tmp_path / "none", now_ms=NOW_MS))


def test_a_draft_names_who_signs_it(tmp_path: Path) -> None:
    found = content(tmp_path, DRAFT | {"keys": ["antwerp", "second"]})
    assert isinstance(found, EventDraft)
    assert found.keys == ("antwerp", "second")


def test_a_re_export_relies_on_its_sources_and_a_return_on_its_papers(tmp_path: Path) -> None:
    source = {"number": "ZA000001", "carat_thousandths": 1}
    body = readable(ISSUED)
    assert isinstance(body, dict)
    certificate = body["certificate"] | {"sources": [source], "case": "BW/case/1"}
    returned = {"reason": "ORDER", "technical_certificate": "ZA000002", "remarks": ""}
    issue, refusal = read(
        tmp_path,
        json.dumps(
            {"type": ISSUED.TYPE, "subject": "BW000001", "body": {"certificate": certificate}}
        ),
        json.dumps({"type": "import_refused_returned", "subject": "BW000003", "body": returned}),
    )
    assert issue.relies_on == ("ZA000001", "BW/case/1")
    assert refusal.relies_on == ("ZA000002",)


@pytest.mark.parametrize(
    "text", [r'{"subject": "\ud800"}', r'{"\ud800": 1}', r'{"body": ["\uDFFF"]}']
)
def test_half_a_character_spoils_its_own_line_alone(tmp_path: Path, text: str) -> None:
    broken, sound = read(tmp_path, text, json.dumps(DRAFT))
    assert "half of a surrogate pair" in str(broken.content)
    assert isinstance(sound.content, EventDraft)
