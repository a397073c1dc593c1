"""Random histories of voters, honest and lying, and all that they sign in them.

A small model of consensus by its rules alone: who may vote for whom, what a follower takes from a
leader, what is acknowledged. Any step may follow any other, so that messages are lost, repeated and
late; voters restart, and one may come back with an old disk. Honest voters keep the rules whatever
liars send them. Liars vote for everybody, acknowledge what they like, stand for election with any
log, make blocks on several branches, and cosign any of them.
"""

from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from branches import Branch
from electing import signer_of
from founding import VOTERS

from kpledger.base.hashing import Digest
from kpledger.log.block import compute_head, decode_block_header
from kpledger.log.certificates import CommitCertificate, LeaderCertificate, certify_commit
from kpledger.log.path import ShownHeader
from kpledger.log.statements import Acknowledgement, LogEnd, Vote

MAJORITY: Final = len(VOTERS) // 2 + 1
_MOST_BLOCKS: Final = 6


@dataclass(frozen=True)
class Disk:
    """What a voter keeps."""

    term: int = 0
    voted_for: str = ""
    acknowledged: int = 0
    """Up to where, in its term."""
    log: Branch = field(default_factory=Branch)
    cosigned: tuple[Digest, ...] = ()
    """The leaves of the tree that it has cosigned last."""

    def enter(self, term: int) -> "Disk":
        """Give it in a term, which may be later."""
        if term <= self.term:
            return self
        return replace(self, term=term, voted_for="", acknowledged=0)


@dataclass
class History:
    """A run of all voters, and what was signed in it."""

    random: Random
    liars: frozenset[str] = frozenset()
    restored: set[str] = field(default_factory=set)
    disks: dict[str, Disk] = field(default_factory=lambda: dict.fromkeys(VOTERS, Disk()))
    old_disks: list[tuple[str, Disk]] = field(default_factory=list)
    generations: dict[str, list[int]] = field(default_factory=lambda: {one: [1] for one in VOTERS})
    leading: dict[str, int] = field(default_factory=dict)
    """The term that an honest voter leads."""
    voted_ends: dict[tuple[str, int], LogEnd] = field(default_factory=dict)
    """With which log the candidate stood for whom a voter voted since it was started."""
    heard: set[tuple[str, int]] = field(default_factory=set)
    """In which terms a voter has heard a leader since it was started."""
    votes: list[Vote] = field(default_factory=list)
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
    cosigned: list[tuple[str, tuple[Digest, ...]]] = field(default_factory=list)
    """The leaves of each tree, and who cosigned it."""
    branches: dict[bytes, Branch] = field(default_factory=lambda: {Branch().end.head: Branch()})
    """All chains that anybody has made, by their heads."""
    elected: dict[tuple[int, str, bytes], LeaderCertificate] = field(default_factory=dict)

    def run(self, steps: int) -> None:
        """Do some steps."""
        does = (
            *(self.campaign, self.make, self.send, self.send, self.send),
            *(self.restart, self.cosign),
        )
        for _ in range(steps):
            self.random.choice(does)()
            if self.liars:
                self.random.choice((self.lie, self.send))()

    def restart(self) -> None:
        """Start one again, or keep a copy of its disk."""
        name = self.random.choice(VOTERS)
        self.old_disks.append((name, self.disks[name]))
        if self.random.random() < 0.5:
            self._start(name, max(self.generations[name]) + 1)

    def restore(self) -> None:
        """Give one an old disk; its start has a number that was not used."""
        if not self.old_disks:
            return
        name, disk = self.random.choice(self.old_disks)
        self.restored.add(name)
        self.disks[name] = disk
        self._start(name, max(self.generations[name]) + 1)

    def _start(self, name: str, generation: int) -> None:
        self.generations[name].append(generation)
        self.leading.pop(name, None)
        self.voted_ends = {at: end for at, end in self.voted_ends.items() if at[0] != name}
        self.heard = {at for at in self.heard if at[0] != name}

    def campaign(self) -> None:
        """Let one stand for election; some of the others hear of it."""
        candidate = self.random.choice(VOTERS)
        disk = self.disks[candidate]
        log, term = disk.log, disk.term + 1
        if candidate in self.liars:
            log = self.random.choice([*self.branches.values()])
            term = max(log.end.term, self.random.choice([*self.disks.values()]).term) + 1
            term -= self.random.choice((0, 0, 1)) if term - 1 > log.end.term else 0
        else:
            self.disks[candidate] = replace(disk.enter(term), voted_for=candidate)
            self.leading.pop(candidate, None)
        votes = [
            vote
            for voter in VOTERS
            if voter == candidate or self.random.random() < 0.7
            if (vote := self._vote(voter, candidate, term, log.end)) is not None
        ]
        if len(votes) >= MAJORITY:
            opening = LeaderCertificate(tuple(votes))
            self.elected[term, candidate, log.end.head] = opening
            self._grow(log.follow(opening), candidate)

    def _vote(self, voter: str, candidate: str, term: int, end: LogEnd) -> Vote | None:
        """Let a voter answer a candidate."""
        disk = self.disks[voter]
        if voter not in self.liars:
            known = self.voted_ends.get((voter, term))
            may_choose = disk.voted_for == "" and (voter, term) not in self.heard
            is_open = term > disk.term or (
                term == disk.term and (may_choose or disk.voted_for == candidate)
            )
            if not is_open or known not in (None, end) or end.place < disk.log.end.place:
                return None
            self.disks[voter] = replace(disk.enter(term), voted_for=candidate)
            if term > disk.term:
                self.leading.pop(voter, None)
            self.voted_ends[voter, term] = end
        signer = signer_of(voter, generation=self.generations[voter][-1])
        vote = signer.vote(candidate, term=term, candidate_end=end, voter_end=disk.log.end)
        self.votes.append(vote)
        return vote

    def make(self) -> None:
        """Let a leader make a block."""
        leaders = [one for one in self.leading if len(self.disks[one].log.shown) < _MOST_BLOCKS]
        if leaders:
            leader = self.random.choice(leaders)
            self._grow(self.disks[leader].log.make(self.random.randrange(2)), leader)

    def _grow(self, branch: Branch, leader: str) -> None:
        """Make a branch known, which its leader follows if it is honest."""
        self.branches[branch.end.head] = branch
        if leader not in self.liars:
            self.leading[leader] = branch.end.term
            self.disks[leader] = replace(self.disks[leader], log=branch)
            self._acknowledge(leader, branch)

    def send(self) -> None:
        """Let a follower hear from a leader, up to some block of its chain."""
        follower = self.random.choice([one for one in VOTERS if one not in self.liars])
        leaders = {one: self.disks[one].log for one in self.leading if one != follower}
        for one in sorted(self.liars):
            mine = [each for each in self.branches.values() if each.leader == one]
            if mine:
                leaders[one] = self.random.choice(mine)
        if leaders:
            branch = leaders[self.random.choice(sorted(leaders))]
            if branch.end.term >= self.disks[follower].term:
                self._hear(follower, branch)

    def _hear(self, follower: str, branch: Branch) -> None:
        """Let a follower take some of a leader's chain, and acknowledge it."""
        if branch.end.term > self.disks[follower].term:
            self.leading.pop(follower, None)
        if follower in self.leading:
            return
        disk = self.disks[follower] = self.disks[follower].enter(branch.end.term)
        self.heard.add((follower, disk.term))
        common = sum(a == b for a, b in zip(disk.log.heads, branch.heads, strict=False))
        taken = Branch(branch.shown[: self.random.randint(common, len(branch.shown))])
        held = len(disk.log.shown)
        if common < held and len(taken.shown) > common:
            if common < disk.acknowledged:
                return
            self.disks[follower] = replace(disk, log=taken)
        elif len(taken.shown) > held:
            self.disks[follower] = replace(disk, log=taken)
        if taken.end.term == disk.term:
            self._acknowledge(follower, taken)

    def _acknowledge(self, voter: str, branch: Branch) -> None:
        signer = signer_of(voter, generation=self.generations[voter][-1])
        self.acknowledgements.append(signer.acknowledge(branch.end))
        disk = self.disks[voter]
        acknowledged = max(disk.acknowledged, branch.end.index)
        self.disks[voter] = replace(disk, acknowledged=acknowledged)

    def cosign(self) -> None:
        """Let one cosign what is final as far as its log holds it, or a liar what it likes."""
        name = self.random.choice(VOTERS)
        disk = self.disks[name]
        if name in self.liars:
            trees = [leaves_of(one) for one in self.branches.values()]
        else:
            final = (self.branches[one.head] for one in self.commits)
            held = (one for one in final if disk.log.heads[: len(one.heads)] == one.heads)
            known = len(disk.cosigned)
            trees = [leaves for one in held if (leaves := leaves_of(one))[:known] == disk.cosigned]
        if trees:
            leaves = self.random.choice(trees)
            self.disks[name] = replace(disk, cosigned=leaves)
            self.cosigned.append((name, leaves))

    def lie(self) -> None:
        """Let a liar acknowledge what it likes, or make a block where it leads."""
        liar = self.random.choice(sorted(self.liars))
        known = [one for one in self.branches.values() if one.shown]
        if not known:
            return
        branch = self.random.choice(known)
        self._acknowledge(liar, branch)
        if branch.leader == liar and len(branch.shown) < _MOST_BLOCKS:
            self._grow(branch.make(self.random.randrange(3)), liar)

    @property
    def blocks(self) -> dict[bytes, ShownHeader]:
        """All blocks that were signed, by their heads."""
        newest = (one.shown[-1] for one in self.branches.values() if one.shown)
        return {compute_head(one.header): one for one in newest if len(one.seal) == 64}

    @property
    def commits(self) -> list[CommitCertificate]:
        """The commit certificates that can be made of the acknowledgements."""
        by_end: dict[tuple[int, int, bytes], dict[str, Acknowledgement]] = {}
        for one in self.acknowledgements:
            by_end.setdefault((one.term, one.index, one.head), {})[one.voter] = one
        return [certify_commit(by.values()) for by in by_end.values() if len(by) >= MAJORITY]


def leaves_of(branch: Branch) -> tuple[Digest, ...]:
    """Give the leaves of a chain's tree: each block has one event, or none if it opens a term."""
    headers = (decode_block_header(one.header) for one in branch.shown)
    return tuple(Digest(header.payload_root) for header in headers if header.event_count)
