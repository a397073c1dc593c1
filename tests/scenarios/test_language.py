"""The language of the scenarios: what a line does, and what is said when it goes wrong."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from lab.planted import PlantedBug
from lab.simulator.node import SimCore
from lab.simulator.output import UNREAD
from lab.stories.__main__ import main
from lab.stories.script import LanguageError, ScriptError, run_script
from lab.stories.words import parse_message

from kpnode.raft import Index, Input, Tick

LED = "nodes a b c\nelect a\n"


def fault(text: str) -> str:
    with pytest.raises(ScriptError) as caught:
        run_script(text, "story.txt")
    return str(caught.value)


def test_expectations_that_are_met_are_counted() -> None:
    assert run_script(LED + "expect a role=leader\n\n# all is well\nexpect b log=1", "story") == 2


def test_error_names_line_command_expectation_and_what_was_found() -> None:
    text = fault(LED + "# a comment\nexpect b role=leader")
    assert text.startswith("story.txt:4: expect b role=leader\n  UnexpectedError: ")
    assert "expected role=leader, found role=follower" in text
    assert re.search(r"^  a: .*role=leader term=1", text, flags=re.MULTILINE)


def test_error_shows_the_wire_and_what_is_held() -> None:
    text = fault(LED + "propose a 1\nhold to b\nexpect a commit=2")
    assert "  wire: a > c append term=1 prev_index=1" in text
    assert "  held: a > b append term=1 prev_index=1" in text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("dance a", "there is no command 'dance'"),
        ("tick z", "'z' is none of the nodes a, b, c"),
        ("tick", "A is missing\n  usage: tick A [N]"),
        ("tick a 2 3", "'3' is too much\n  usage: tick A [N]"),
        ("tick a often", "a number stands here: 'often'"),
        ("deliver type news", "'news' is none of pre-vote"),
        ("deliver from a", "no such message"),
        ("release", "no such message is held"),
        ("inject a -> b vote trem=1", "vote has no field 'trem'"),
        ("inject a -> b append term=1 entries=2", "entry 1 has term 2"),
        ("inject a to b vote", "an arrow stands between"),
        ("start a lag=1", "there is no 'lag' here, only log, term, vote, applied"),
        ("expect a mood=good", "there is no mood"),
        ("expect peer b a match=1", "b has no peer a"),
        ("expect down a", "a runs"),
        ("expect message", "expected >=1, found 0"),
        ("expect no sent type vote", "expected =0, found 2"),
        ("expect granted 7 1", "expected read 7 at 1, found None"),
        ("expect dropped 7 overwritten", "expected 7 to be dropped"),
        ("expect rounds =0", "expected =0 rounds, found"),
        ("crash a gently", "before-save or after-save"),
        ("disk a wet", "'wet' is none of prompt, late, manual"),
        ("elect b without a,c", "b does not become the leader"),
        ("cut a", "C,D is missing"),
        ("cut a to b", "two sides"),
        ("configure a b,z 7", "'z' is none of the nodes a, b, c"),
        ("configure a b,b 7", "usage: configure A VOTERS TICKET"),
        ("propose a 7 byte=9", "there is no 'byte' here, only bytes"),
        ("tick 'a", "No closing quotation"),
        ("expect", "WHAT... is missing\n  usage: expect A FIELD=VALUE...\n  usage: expect peer "),
        ("expect bliss", "'bliss' is no expectation and none of the nodes\n  usage: expect A "),
        ("expect a", "FIELD=VALUE... is missing"),
        ("expect granted", "TICKET INDEX is missing\n  usage: expect granted TICKET INDEX"),
        ("expect rounds many", "<=N stands here\n  usage: expect rounds <=N"),
    ],
)
def test_line_that_cannot_be_is_refused_with_the_reason(line: str, reason: str) -> None:
    assert reason in fault(f"{LED}{line}")


def test_scenario_begins_with_its_nodes() -> None:
    assert "begins with the command nodes" in fault("settle")
    assert "begins with the command nodes" in fault("tick a")
    assert "no setting is called 'colour'" in fault("nodes a b colour=3")
    assert "'z' is to vote and is none of the nodes" in fault("nodes a b voters=a,z")
    assert "no node is named" in fault("nodes voters=a")
    assert "usage: nodes A..." in fault("nodes a b election_ticks=0")


@pytest.mark.parametrize("text", ["", "# only a comment", LED + "propose a 1"])
def test_story_that_expects_nothing_is_refused(text: str) -> None:
    with pytest.raises(LanguageError, match=r"^story\.txt: expects nothing$"):
        run_script(text, "story.txt")


@pytest.mark.parametrize("line", ["tick", "dance a", "disk a slow", "expect granted", "tick 'a"])
def test_line_that_is_not_in_the_language_brings_no_states_with_it(line: str) -> None:
    with pytest.raises(LanguageError) as caught:
        run_script(LED + line, "story.txt")
    assert "role=" not in str(caught.value)


@pytest.mark.parametrize("line", ["expect b role=leader", "deliver from a", "elect b without a,c"])
def test_story_that_goes_on_otherwise_is_told_with_all_states(line: str) -> None:
    text = fault(LED + line)
    assert "  UnexpectedError: " in text
    assert re.search(r"^  a: .*role=", text, flags=re.MULTILINE)


def test_stopped_node_has_nothing_but_its_disk() -> None:
    assert run_script(LED + "crash a\nexpect a saved_term=1", "story") == 1
    assert "UnexpectedError: a does not run" in fault(LED + "crash a\nexpect a role=leader")


def test_node_that_is_down_hears_nothing_and_can_be_asked_nothing() -> None:
    assert "a does not run" in fault(LED + "crash a\nexpect down a\ntick a")
    run_script(LED + "propose a 1\ncrash b\nsettle\nexpect b log=1\nexpect a commit=2", "story")


def test_cut_loses_what_is_sent_and_heal_loses_nothing_more() -> None:
    script = "propose a 1\ncut a -> b\nexpect no message to b\ninject b -> a vote-reply term=1\n"
    run_script(
        LED + script + "settle\nexpect b log=1\nheal\ntick a 2\nsettle\nexpect b log=1,1", ""
    )


def test_release_puts_back_what_was_held() -> None:
    script = "propose a 1\nhold to b\nexpect no message to b\nrelease\nexpect message to b =1"
    run_script(LED + script, "story")


def test_copies_are_messages_of_their_own() -> None:
    script = "propose a 1\nduplicate to b\nexpect message to b =2\ndeliver to b 1\n"
    run_script(LED + script + "expect message to b =1", "story")


def test_message_is_written_with_its_fields() -> None:
    message = parse_message(["append", "term=3", "prev_index=1", "entries=2,3"])
    assert str(message).count("Entry(") == 2


@pytest.mark.parametrize(
    ("nodes", "rule"), [("a b c", "CommittedIsDurable"), ("a b c d e", "MatchByAck")]
)
def test_rule_that_a_lie_breaks_is_named_with_its_line(nodes: str, rule: str) -> None:
    lie = "inject b -> a append-reply term=1 accepted=yes index=2"
    text = fault(f"nodes {nodes}\nelect a\ncut a b,c\npropose a 1\n{lie}\ntick c")
    assert text.startswith(f"story.txt:5: {lie}\n  ViolationError: {rule}: ")


def test_node_that_lost_its_disk_may_break_its_promises_and_no_other() -> None:
    run_script(LED + "wipe b\nrestart b\ninject c -> b vote term=1\nexpect b voted_for=c", "")
    lost = "propose a 1\nsettle\nstart b\nstart c\ntick a"
    assert "ViolationError: HardStateForward" in fault(LED + lost)


class _TakesCommitsBack(SimCore):
    def handle(self, item: Input) -> None:
        super().handle(item)
        if isinstance(item, Tick):
            self._state.log.commit = self._state.log.applied = Index(0)


class _CommitsAnything(SimCore):
    def handle(self, item: Input) -> None:
        super().handle(item)
        if isinstance(item, Tick):
            self._state.log.commit = self._state.log.applied = self._state.log.last_index


@pytest.mark.parametrize(
    ("core", "script", "rule"),
    [
        (_TakesCommitsBack, "nodes a b\nelect b\npropose b 1\nsettle\ntick a", "CommitMonotone"),
        (
            _CommitsAnything,
            "nodes a b\nstart a log=1\nstart b log=2\ntick a\ntick b",
            "StateMachineSafety",
        ),
        (SimCore, "nodes a b c\nelect a without c\nstart a term=1 vote=a", "CommittedIsDurable"),
    ],
)
def test_rule_that_only_all_nodes_together_can_break_is_named(
    core: type[SimCore], script: str, rule: str
) -> None:
    with pytest.raises(ScriptError, match=f"ViolationError: {rule}: "):
        run_script(script, "story", bug=PlantedBug(core=core))


def test_program_ends_with_1_if_a_scenario_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text(LED + "expect a term=1", encoding="utf-8")
    bad.write_text(LED + "expect a term=2", encoding="utf-8")
    assert main([str(good)]) == 0
    assert main([str(good), str(bad), "--trace"]) == 1
    assert main([str(tmp_path / "none.txt")]) == 2
    shown = capsys.readouterr().out
    assert "1: nodes a b c" in shown
    assert f"FAIL {bad}:3: expect a term=2" in shown
    assert "2 scenarios, 1 failed" in shown


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"nodes a\n# \xff", "not UTF-8 at byte 10"),
        (b"nodes a\ntick", ":2: tick\n  A is missing"),
        (b"", "expects nothing"),
    ],
)
def test_program_ends_with_2_if_a_file_is_no_story(
    content: bytes | None, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "story.txt"
    if content is not None:
        path.write_bytes(content)
    assert main([str(path)]) == 2
    shown = capsys.readouterr().out
    assert shown.startswith(f"REFUSED {path}")
    assert reason in shown
    assert shown.endswith("1 scenarios, 0 failed, 1 refused\n")


def test_reader_that_goes_away_is_no_error() -> None:
    story = next(Path(__file__).parent.glob("b38*.txt"))
    with subprocess.Popen(
        [sys.executable, "-m", "lab.stories", "--trace", *[story] * 9],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == UNREAD


def test_program_can_plant_a_bug(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "story.txt"
    path.write_text(
        "nodes a b c\ninject b -> a vote term=1\nrestart a\nexpect a voted_for=b", "utf-8"
    )
    assert main([str(path)]) == 0
    assert main([str(path), "--planted", "vote-forgotten-at-restart"]) == 1
    assert "found voted_for=none" in capsys.readouterr().out


def test_help_ends_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    assert "  inject A -> B KIND [FIELD=VALUE]...: it arrives at once; A may be a stranger" in shown
    assert shown.rstrip().endswith("--trace")
