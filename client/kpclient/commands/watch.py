"""``kpledger watch``: follows a ledger, verifies it as it grows, and says what happens.

Nothing of a block is told before all of it was verified, nor before a majority of the voters has
signed that it is final, where they sign such certificates at all.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import msgspec
import typer

from kpclient.clock import now_ms
from kpclient.commands.declared import command
from kpclient.commands.heads import read_nodes
from kpclient.errors import ClientError, UsageError
from kpclient.input.options import ConnectionOptions
from kpclient.output.console import print_json, print_line
from kpclient.output.happenings import Happening, tell_block, tell_flag
from kpclient.output.report import tell_conviction
from kpclient.replay.audit_notes import AuditFiles, AuditNotes, open_scratch
from kpclient.replay.children import describe_trouble
from kpclient.replay.followed_chain import FollowedChain
from kpclient.replay.sources import HistorySource
from kpclient.session import Session
from kpclient.sightings import Position
from kpledger.base.errors import LedgerError
from kpledger.base.units import format_time
from kpledger.books.flags.search import Finding, FlagsQuestion, find_flags, prepare_search
from kpledger.command import EXIT_DONE, EXIT_REFUSED, EXIT_UNDECIDED
from kpledger.log.audit import EMPTY_CHAIN, AuditReport, AuditVerdict
from kpledger.log.chain import ExecutedBlock
from kpledger.log.evidence_file import encode_evidence, evidence_id
from kpledger.log.judging import judge
from kpledger.log.policy import policy_of
from kpledger.log.statements import Electorate

_PAUSE_S: Final = 1.0
"""Between two looks at the nodes."""
_LOOK_S: Final = 5.0
"""So long one node may let the others wait with one answer, in a look."""
_VAIN_SHARE: Final = 10
"""Blocks of a node that come to nothing take one part of the time in so many."""
_SILENCE_S: Final = 15
"""So long nobody leads, or nothing becomes final, before it is said: no election takes as long."""
_MAX_ROOTS: Final = 10_000
"""So many trees are remembered, to be compared with checkpoints."""
_MS: Final = 1000
_KEEP_S: Final = 60.0
"""How often it is kept how far the ledger was verified."""
_FLAG_SHARE: Final = 10
"""Flags are looked for so seldom that it takes one part of the time in so many."""


_WRONG: Final = frozenset({"violation", "fork"})
_Trouble = tuple[str, str]
"""Its kind, and what is told of it."""
_WELL: Final = ("", "")


@command("watch")
def watch(
    *, urls: list[str] | None = None, connection: ConnectionOptions, once: bool = False
) -> None:
    """Follow a ledger, verify it as it grows, and say what happens.

    Issues, confirmations and all else that is stated; new flags; who is elected to lead, who hears
    no leader, who does not answer; evidence, other histories, and whatever breaks the rules. What
    happened since this client verified the ledger last is told first.

    Exit code, with --once: 0: all is sound; 1: something breaks the rules, or there are two
    histories; 2: cannot decide.
    """
    nodes = read_nodes(urls or connection.node or [], "urls")
    if not nodes:
        raise UsageError("URL", "no node is named", "kpledger watch URL, or KPLEDGER_NODE")

    def tell(one: Happening) -> None:
        if connection.as_json:
            print_json(one)
        else:
            at = "" if one.height is None else f"block {one.height}: "
            print_line(f"{format_time(one.at_ms)}  {at}{one.text}")

    session = Session(connection)
    with open_scratch(session.genesis) as notes:
        watching = _Watch(session, nodes, tell, notes)
        code = watching.begin()
        try:
            while code == EXIT_DONE and not once:
                time.sleep(_PAUSE_S)
                watching.look()
            watching.tell_rest()
        finally:
            watching.keep()
    raise typer.Exit(EXIT_REFUSED if watching.has_found_wrong else code)


def _begin_files(notes: AuditNotes | None) -> AuditFiles | None:
    """Give files to work in, if there is room for any."""
    with suppress(OSError):
        return None if notes is None else notes.begin()
    return None


def _key_of(one: Finding) -> tuple[str, ...]:
    """Give what tells a finding from others; its figures may change."""
    return one.flag, one.subject, one.participant, one.partner, one.day


class _Watch:
    """Looks at nodes again and again.

    Attributes:
        has_found_wrong: something that breaks the rules was shown.
    """

    def __init__(
        self,
        session: Session,
        nodes: Sequence[str],
        tell: Callable[[Happening], None],
        notes: AuditNotes | None,
    ) -> None:
        self._session, self._nodes, self._tell = session, nodes, tell
        self._notes = notes
        self._policy = policy_of(session.genesis)
        self._sealed_at_s, self._sealed_anew_s = 0, time.monotonic()
        reader = session.open_histories()
        self._reader = replace(reader, timeout_s=min(reader.timeout_s, _LOOK_S))
        self._electorate = Electorate.of(session.genesis)
        known = session.memory.load().furthest
        self._told_up_to = None if known is None else known.position.height
        self._begin_anew()
        self._waits_since_s = time.monotonic()
        self._vain: dict[str, tuple[float, _Trouble | None]] = {}
        """Until when a node is not asked for blocks, and why, by its URL."""
        self._conditions: dict[str, str] = {}
        """What was said last of each node that is not as it should be, by its URL."""
        self._held: dict[str, int] = {}
        self._evidence: set[bytes] = set()
        self._flags: set[tuple[str, ...]] = set()
        self._flags_due_s, self._flags_up_to = 0.0, -1
        self._kept_up_to, self._keep_due_s = 0, 0.0
        self.has_found_wrong = False

    def _begin_anew(self) -> None:
        """Stand before the first block."""
        self._chain = FollowedChain(self._session.genesis, self._see, _begin_files(self._notes))
        self._roots: dict[int, bytes] = {}
        """Of the tree after the newest blocks, by its size."""
        self._waiting = deque[Happening]()
        """What was verified, and is not told before it is final."""

    def begin(self) -> int:
        """Audit all that the first node has now of which that can be done; gives the exit code.

        Raises:
            ForkError: it is not what was verified here before.
        """
        code = EXIT_UNDECIDED
        for url in self._nodes:
            try:
                report = self._chain.begin(self._session.open_node(url))
            except (ClientError, LedgerError, OSError) as error:
                self._note(url, "unreachable", f"{url}: {describe_trouble(error)}")
                continue
            if report.verdict is AuditVerdict.VIOLATION:
                at = f"block {report.first_bad_height} at {report.field}"
                self._note(url, "violation", f"VIOLATION: {at}: {report.problem}, as {url} shows")
                code = EXIT_REFUSED
                self._begin_anew()
                continue
            if report.verdict is AuditVerdict.UNDECIDED and report.problem != EMPTY_CHAIN:
                self._note(url, "undecided", f"UNDECIDED: {report.problem}")
                self._begin_anew()
                continue
            self._told_up_to = 0
            self.keep()
            follow = f"{report.height} blocks with {report.tree_size} events follow"
            self._say("sound", f"SOUND: {follow} from the genesis file, as {url} shows")
            self.look()
            return EXIT_DONE
        return code

    def look(self) -> None:
        """Ask all nodes once, and tell what has happened since.

        Raises:
            ForkError: what was verified is not what was verified here before.
        """
        term, held = self._chain.term, self._held
        sources = self._reader.ask_nodes(self._nodes, from_term=term, held=held, sealed=True)
        troubles: dict[str, _Trouble] = {}
        for source in sorted(sources, key=lambda one: -one.height):
            if source.height > self._chain.height and (trouble := self._extend(source.name)):
                troubles[source.name] = trouble
        shown = [one for source in sources for one in source.certificates]
        report = self._chain.certify(shown)
        for source in sources:
            sealing = self._take_checkpoint(source)
            trouble = troubles.get(source.name) or self._find_trouble(source) or sealing
            self._note(source.name, *(trouble or _WELL))
            self._tell_evidence(source)
        self._tell_final(report)
        self._tell_flags()
        if time.monotonic() >= self._keep_due_s:
            self.keep()

    def tell_rest(self) -> None:
        """Tell also what is not known to be final."""
        for one in self._waiting:
            text = f"{one.text} (not shown to be final yet)"
            self._tell(msgspec.structs.replace(one, text=text))

    def keep(self) -> None:
        """Remember how far the ledger was verified, and compare it with what was seen before.

        Raises:
            ForkError: something that was seen is not on it.
        """
        self._keep_due_s = time.monotonic() + _KEEP_S
        report = self._chain.certify(())
        if report.height == self._kept_up_to:
            return
        end = Position(
            height=report.height,
            head=bytes.fromhex(report.head),
            tree_size=report.tree_size,
            tree_root=bytes.fromhex(report.tree_root),
        )
        heads = dict(enumerate(self._chain.heads))
        self._session.memory.accept(end, node=self._nodes[0], heads=heads, now_ms=now_ms())
        self._kept_up_to = report.height

    def _see(self, executed: ExecutedBlock) -> None:
        """Keep what a block holds, to be told when it is final."""
        self._roots[executed.header.tree_size] = executed.header.tree_root
        while len(self._roots) > _MAX_ROOTS:
            del self._roots[next(iter(self._roots))]
        if self._told_up_to is not None and executed.tip.height > self._told_up_to:
            self._waiting += tell_block(executed)

    def _extend(self, url: str) -> _Trouble | None:
        """Verify what a node has beyond; gives what is wrong with that node, if anything is.

        One from which nothing came is left alone for a while, so that it holds up no other.
        """
        begun_s, height = time.monotonic(), self._chain.height
        until_s, trouble = self._vain.get(url, (0.0, None))
        if begun_s < until_s:
            return trouble
        trouble, ended_s = self._read_further(url), time.monotonic()
        if self._chain.height == height:
            self._vain[url] = ended_s + _VAIN_SHARE * (ended_s - begun_s), trouble
        return trouble

    def _read_further(self, url: str) -> _Trouble | None:
        try:
            chain = self._session.open_node(url, after=self._chain.height)
            violation = self._chain.extend(chain)
        except (ClientError, LedgerError, OSError) as error:
            return "unreachable", f"{url}: {describe_trouble(error)}"
        if violation is None:
            return None
        at = f"block {violation.height} at {violation.field}"
        return "violation", f"VIOLATION: {at}: {violation.problem}, as {url} shows"

    def _find_trouble(self, source: HistorySource) -> _Trouble | None:
        """Say what is wrong with a node by what it says of itself; None if all is well."""
        name, url = source.node or "a node", source.name
        if not source.is_there:
            return "unreachable", f"{url}: {source.problem}"
        if source.violation:
            return "violation", f"{name} at {url}: {source.violation}"
        heads = self._chain.heads
        if source.height < len(heads) and heads[source.height] != source.head:
            which = f"another block {source.height} than was verified, {source.head.hex()}"
            advice = "kpledger compare says whose signatures stand on both"
            return "fork", f"FORK: {name} at {url} shows {which}; {advice}"
        if source.age_s >= _SILENCE_S:
            return "silent", f"{name} at {url} has heard no leader for {source.age_s} s"
        if source.problem:
            return "incomplete", f"{name} at {url}: {source.problem}"
        return None

    def _take_checkpoint(self, source: HistorySource) -> _Trouble | None:
        """Look which tree enough voters have signed, and when; says what is wrong with it."""
        try:
            sealed = self._policy.judge(source.checkpoint)
        except LedgerError:
            return None  # as that of a new ledger, which nobody has sealed yet
        if (sealed.time_s or 0) > self._sealed_at_s:
            self._sealed_at_s, self._sealed_anew_s = sealed.time_s or 0, time.monotonic()
        shown = sealed.signed.checkpoint
        if self._roots.get(shown.size, shown.root) == shown.root:
            return None
        which = f"a sealed checkpoint of {shown.size} events with another root than was verified"
        return "fork", f"FORK: {source.name} shows {which}, {shown.root.hex()}"

    def _note(self, url: str, what: str, text: str) -> None:
        """Tell what is wrong with a node, or with all of them, once, and when it is well again."""
        before = self._conditions.get(url, "")
        if what == before:
            return
        self._conditions[url] = what
        self.has_found_wrong |= what in _WRONG
        self._say(what or "well", text or f"{url or 'the network'} is well again", node=url)

    def _tell_evidence(self, source: HistorySource) -> None:
        """Judge what a node shows against voters, and keep what convicts."""
        for one in source.accusations:
            name = evidence_id(encode_evidence(one))
            if name in self._evidence:
                continue
            self._evidence.add(name)
            try:
                text = tell_conviction(judge(one, self._electorate))
            except LedgerError as error:
                text = f"evidence is shown that shows nothing: {error}"
            else:
                file = self._session.memory.keep_evidence(one)
                text += f" (kpledger evidence verify {file})" if file is not None else ""
            self._say("evidence", text, node=source.name)
        self.has_found_wrong |= bool(source.forks)
        if not source.problem:
            self._held[source.name] = source.evidence

    def _tell_final(self, report: AuditReport) -> None:
        """Tell what stands in blocks that are final by now."""
        while self._waiting:
            height = self._waiting[0].height or 0
            if report.final_up_to and height > report.final_up_to:
                break
            self._tell(self._waiting.popleft())
            self._waits_since_s = time.monotonic()
        if not self._waiting:
            self._waits_since_s = time.monotonic()
        self._note("", *(self._find_trouble_of_all(report) or _WELL))

    def _find_trouble_of_all(self, report: AuditReport) -> _Trouble | None:
        """Say what is wrong with the whole network; None if all is well."""
        now = time.monotonic()
        if report.verdict is AuditVerdict.VIOLATION:
            return "fork", f"FORK: {report.problem}"
        if now - self._waits_since_s > _SILENCE_S:
            missing = f"blocks above {report.final_up_to} without a commit certificate"
            return "not-final", f"there are {missing}, for {_SILENCE_S} s now"
        if self._sealed_at_s and now - self._sealed_anew_s > _SILENCE_S:
            since = format_time(self._sealed_at_s * _MS)
            return "not-sealed", f"too few voters sign: no checkpoint is sealed since {since}"
        return None

    def _tell_flags(self) -> None:
        """Tell what an analyst should look at that was not there before."""
        begun = time.monotonic()
        if begun < self._flags_due_s:
            return
        with self._chain.books.reading() as books:
            if books.height == self._flags_up_to:
                return
            self._flags_up_to = books.height
            search = prepare_search(books, FlagsQuestion())
            found = {_key_of(one): one for one in find_flags(search)}
        is_first = not self._flags_due_s
        for key in sorted(found.keys() - self._flags) if not is_first else ():
            self._tell(tell_flag(found[key], now_ms()))
        self._flags.update(found)
        ended = time.monotonic()
        self._flags_due_s = ended + _FLAG_SHARE * (ended - begun)

    def _say(self, what: str, text: str, *, node: str = "") -> None:
        self._tell(Happening(what=what, text=text, at_ms=now_ms(), node=node))
