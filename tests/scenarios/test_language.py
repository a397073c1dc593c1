"""The language of the scenarios: what a line does, and what is said when it goes wrong."""

import re
from pathlib import Path

import pytest

from kpnode.raft import Index, Input, Tick
from kpnode.sim.node import SimCore
from kpnode.sim.planted import PlantedBug
from kpnode.sim.scenario.__main__ import main
from kpnode.sim.scenario.script import ScriptError, run_script
from kpnode.sim.scenario.words import parse_message

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
        ("tick", "usage: tick A [N]"),
        ("tick a often", "a number stands here: 'often'"),
        ("deliver type news", "'news' is none of pre-vote"),
        ("deliver from a", "no such message"),
        ("release", "no such message is held"),
        ("inject a -> b vote trem=1", "vote has no field 'trem'"),
        ("inject a -> b append term=1 entries=2", "entry 1 has term 2"),
        ("inject a to b vote", "an arrow stands between"),
        ("start a lag=1", "start knows no lag"),
        ("expect a mood=good", "there is no mood"),
        ("expect peer b a match=1", "b has no peer a"),
        ("expect down a", "a runs"),
        ("expect message", "expected >=1, found 0"),
        ("expect no sent type vote", "expected =0, found 2"),
        ("expect granted 7 1", "expected read 7 at 1, found None"),
        ("expect dropped 7 overwritten", "expected 7 to be dropped"),
        ("expect rounds =0", "expected =0 rounds, found"),
        ("crash a gently", "before-save or after-save"),
        ("disk a wet", "'wet' is not a valid DiskMode"),
        ("elect b without a,c", "b does not become the leader"),
        ("cut a", "two sides"),
    ],
)
def test_line_that_cannot_be_is_refused_with_the_reason(line: str, reason: str) -> None:
    assert reason in fault(f"{LED}{line}")


def test_scenario_begins_with_its_nodes() -> None:
    assert "begins with the command nodes" in fault("settle")
    assert "no setting is called 'colour'" in fault("nodes a b colour=3")


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
    ("nodes", "rule"), [("a b c", "CommitForever"), ("a b c d e", "MatchIsTrue")]
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
        (_TakesCommitsBack, "nodes a b\nelect b\npropose b 1\nsettle\ntick a", "CommitRises"),
        (
            _CommitsAnything,
            "nodes a b\nstart a log=1\nstart b log=2\ntick a\ntick b",
            "CommitsAgree",
        ),
        (SimCore, "nodes a b c\nelect a without c\nstart a term=1 vote=a", "CommitIsKept"),
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
    assert "  inject A -> B KIND [FIELD=VALUE]...: it arrives at once" in shown
    assert shown.rstrip().endswith("--trace")
