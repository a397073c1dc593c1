"""What an audit found, in words and as a page; strangers wrote some of it."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import plyvel
import pytest
from convicting import double_votes
from copied import write_copy, write_genesis
from electing import finalise
from founding import FOUNDED_MS, make_genesis
from hostile_node import HARM
from parted import COMMON, begin, go_on
from typer.testing import CliRunner

from kpclient.cli import app
from kpclient.output.report import AuditFindings, format_page
from kpledger import __version__
from kpledger.base.selftest import name_libraries
from kpledger.log import layout
from kpledger.log.audit import Auditor, AuditReport, AuditVerdict, report_sound
from kpledger.log.evidence_file import encode_evidence, evidence_id

RUNNER = CliRunner()


class Page(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def sound() -> AuditReport:
    """A report on a chain of which all but the newest block is final."""
    ledger = go_on(2)
    auditor = Auditor(make_genesis())
    auditor.certify(finalise(begin().tip.end))
    for height, stored in enumerate(ledger.entries, start=1):
        assert auditor.feed(height, stored) is None
    progress = auditor.progress
    return report_sound(make_genesis(), progress, auditor.finality_of(progress))


def find(report: AuditReport, source: str = "backup/bw-1", fork: str = "") -> AuditFindings:
    return AuditFindings(
        report=report,
        origin="ledger.example/kp",
        source=source,
        audited_at_ms=FOUNDED_MS,
        fork=fork,
    )


def test_a_sound_ledger_is_said_to_be_so_and_no_more(sound: AuditReport) -> None:
    findings = find(sound)
    assert findings.answer == "The ledger that was shown is sound"
    assert next(findings.tell_found()) == "Nothing that breaks a rule."
    final = f"2 of 3 voters (bw-1, eu-1) have signed that all up to block {COMMON} is final"
    assert final in " ".join(findings.tell_verified())
    assert f"Whether the blocks above {COMMON} will stay" in " ".join(findings.tell_unknown())
    means = [*findings.tell_means()]
    assert means == [f"kpledger {__version__}", "rules of version 1, from block 1 on", *means[2:]]
    assert tuple(means[2:]) == name_libraries()


def test_what_is_not_sound_is_not_called_so(sound: AuditReport) -> None:
    bad = replace(
        sound,
        verdict=AuditVerdict.VIOLATION,
        first_bad_height=sound.height + 1,
        field="tree_root",
        problem="it is another one",
    )
    cut = replace(sound, verdict=AuditVerdict.UNDECIDED, problem="the line went dead")
    fork = find(sound, fork="fork: two histories")
    for findings, answer, found in (
        (
            find(bad),
            "The ledger that was shown is not sound",
            "is not what the rules allow: it is another one",
        ),
        (find(cut), "No verdict", "Not all could be looked at: the line went dead"),
        (fork, "The ledger has forked", "fork: two histories"),
    ):
        page = Page(format_page(findings)).text
        assert findings.answer == answer
        assert answer in page
        assert found in next(findings.tell_found())
        assert found in page
        assert "The ledger that was shown is sound" not in page
    for one in (bad, cut):
        above = f"Whether anything above block {sound.height} is sound"
        assert next(find(one).tell_unknown()).startswith(above)


def test_evidence_is_judged_and_told(tmp_path: Path) -> None:
    copy, (_, evidence) = tmp_path / "copy", next(iter(double_votes()))
    copy.mkdir()
    write_copy(copy, begin().entries)
    name = evidence_id(encode_evidence(evidence))
    with plyvel.DB(str(copy / layout.DATABASE_DIRECTORY)) as database:
        database.put(layout.evidence_key(name), encode_evidence(evidence))
    words = ["--genesis", str(write_genesis(tmp_path)), "--home", str(tmp_path)]
    told = RUNNER.invoke(app, ["audit", *words, "--copy", str(copy), "--json"])
    (sentence,) = (one for one in json.loads(told.stdout)["found"] if "vidence" in one)
    assert sentence.startswith("Evidence of a lie (E3), against za-1: za-1 voted in term 2 for")
    printed = RUNNER.invoke(app, ["audit", *words, "--copy", str(copy)])
    assert sentence in printed.stdout


def test_what_could_not_be_had_is_not_known(sound: AuditReport) -> None:
    findings = replace(find(sound), unread="the line went dead")
    about = "Whether there is evidence against voters beside the blocks: the line went dead."
    assert about in [*findings.tell_unknown()]


def test_of_a_chain_without_a_block_nothing_is_claimed() -> None:
    progress = Auditor(make_genesis()).progress
    findings = find(report_sound(make_genesis(), progress))
    assert [*findings.tell_verified()] == ["Nothing: no block could be verified."]
    assert findings.answer == "No verdict"


@pytest.mark.parametrize("harm", [HARM, "<script>alert(1)</script>", '"><img src=x>', "$answer"])
def test_nothing_that_strangers_wrote_becomes_part_of_the_page(
    sound: AuditReport, harm: str
) -> None:
    bad = replace(
        sound,
        verdict=AuditVerdict.VIOLATION,
        first_bad_height=5,
        field=harm,
        problem=harm,
        events_by_type={harm: 1},
        final_by=(harm,),
    )
    plain = Page(format_page(find(sound)))
    page = format_page(find(bad, source=harm, fork=harm))
    seen = Page(page)
    assert set(seen.tags) == set(plain.tags)
    assert seen.attributes == plain.attributes
    assert not {"script", "img", "link", "a"} & set(seen.tags)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028]", page)


def test_a_page_loads_nothing(sound: AuditReport) -> None:
    page = format_page(find(sound))
    assert not re.search(r"https?:|url\(|@import|src=|href=", page)
    assert "default-src 'none'" in page


def test_the_command_writes_all_three_forms(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    ledger = go_on(2)
    write_copy(copy, ledger.entries, [finalise(begin().tip.end)])
    words = [
        "--genesis",
        str(write_genesis(tmp_path)),
        "--home",
        str(tmp_path),
        "--copy",
        str(copy),
    ]
    file = tmp_path / "audit.html"
    printed = RUNNER.invoke(app, ["audit", *words, "--report", str(file)])
    assert printed.exit_code == 0, printed.output
    asked = RUNNER.invoke(app, ["audit", *words, "--json"])
    told, page = json.loads(asked.stdout), Page(file.read_text()).text
    assert (told["source"], told["rules"]) == (str(copy), [{"version": 1, "height": 1}])
    for one in told["unknown"]:
        assert one in printed.stdout
    for one in (*told["verified"], *told["verified_by"], *told["found"], *told["unknown"]):
        assert one in page
    assert f"verified by {', '.join(told['verified_by'])}" in printed.stdout
    again = RUNNER.invoke(app, ["audit", *words, "--report", str(file)])
    assert (again.exit_code, "exists already" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--heads http://a --report x.html", "--report: a report is of the audit of one ledger"),
        ("--copy a --copy b --report x.html", "--report: a report is of the audit of one ledger"),
        ("--copy a --report x.json", "--report: x.json is the name of a json file"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_read(words: str, said: str) -> None:
    result = RUNNER.invoke(app, ["audit", *words.split()])
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
