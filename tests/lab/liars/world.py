"""One life: voters, some of them liars, a network, disks, clients, and who watches.

First a storm, in which everything fails as the climate wills; then a calm, in which nobody fails
but the liars, and the others are to order something again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from lab.liars.auditor import Auditor
from lab.liars.climate import CALM_TICKS, STORM_TICKS, Climate
from lab.liars.disk import Image, ProofDisk
from lab.liars.liar import Liar
from lab.liars.node import Stepped, Voter
from lab.liars.roll import Roll
from lab.liars.rules import Watch
from lab.simulator.disk import CrashPoint, SimCrashError
from lab.simulator.founded import make_event
from lab.simulator.network import CutShape, SimNetwork, draw_cut

from kpledger.base.errors import LedgerError
from kpnode.notary.attachment import decode_attachment
from kpnode.raft import AppendRequest, InvariantError, Message, NodeId, Received, Tick

_IMAGE_EVERY = 20
"""Ticks between two images of a disk."""
_SHOW_EVERY = 5
"""Ticks between two exchanges of evidence."""
_SHAPES = (CutShape.HALVES,) * 4 + tuple(CutShape)


class World:
    """Everything there is, for one seed.

    Attributes:
        now: the time, in ticks.
        voters: by name.
        liars: by the name of the voter that each speaks for.
        watch: sees what honest voters do.
    """

    def __init__(
        self,
        seed: int,
        roll: Roll,
        climate: Climate,
        liars: Callable[["World", Random], Sequence[Liar]] = lambda _world, _prng: (),
        trace: Callable[[str], None] | None = None,
    ) -> None:
        """Build the world of a seed; ``liars`` draws them when the voters stand."""
        self._prng = Random(f"liars {seed}")
        self.roll = roll
        self.climate = climate
        self.now = 0
        self.trace = trace
        self._network = SimNetwork(self._prng, delay_ticks=climate.delay_ticks)
        self.auditor = Auditor(roll)
        self._images: dict[NodeId, list[Image]] = {name: [] for name in roll.names}
        self._events = 0
        self.voters = {
            name: Voter(
                roll, name, ProofDisk(self._draw_crash), seed=seed, ticks=climate.election_ticks
            )
            for name in roll.names
        }
        self.liars = {one.voter.name: one for one in liars(self, self._prng)}
        honest = [one.name for one in self.honest]
        self._prng.shuffle(honest)
        self._forgetful = frozenset(honest[: climate.forgetful])
        self.watch = Watch(roll, frozenset(self.liars))
        for voter in self.voters.values():
            voter.start(1)

    def run(self) -> None:
        """Live through the storm, then through the calm, until the honest have ordered something.

        Raises:
            ViolationError: what must never be was seen.
        """
        for _ in range(STORM_TICKS):
            self.tick()
        self._clear()
        for _ in range(CALM_TICKS):
            self.tick()
            if self.watch.lives(self.honest, since=STORM_TICKS) and not self.watch.forks:
                break
        self.watch.finish(self.honest, self.auditor.find())

    @property
    def honest(self) -> list[Voter]:
        """Those that do not lie, running or not."""
        return [one for name, one in self.voters.items() if name not in self.liars]

    def chance(self, per_thousand: int) -> bool:
        """Draw whether something happens."""
        return per_thousand > 0 and self._prng.random() * 1000 < per_thousand

    def note(self, what: str) -> None:
        """Write a line of the trace."""
        if self.trace is not None:
            self.trace(f"{self.now} {what}")

    def tick(self) -> None:
        """Let one tick pass."""
        self.now += 1
        self.watch.now = self.now
        self._blow()
        for message in self._network.due(self.now):
            self._deliver(message)
        for voter in self.voters.values():
            if voter.runs and not self.chance(self.climate.stall):
                voter.inbox.append(Tick())
        self._submit()
        for name, liar in self.liars.items():
            if self.voters[name].runs:
                self.send(liar.tick())
        busy = [one for one in self.voters.values() if one.is_busy]
        self._prng.shuffle(busy)
        for voter in busy:
            self._step(voter)
        if self.now % _SHOW_EVERY == 0:
            self._show_evidence()

    def _show_evidence(self) -> None:
        """Let every honest voter show what evidence it has to all that it can reach."""
        for voter in self.honest:
            for exhibit in voter.exhibits:
                for peer in self.voters.values():
                    reached = self._network.carries(voter.name, peer.name)
                    if reached and peer.runs and exhibit not in peer.exhibits:
                        peer.shown.append(exhibit.encoded)

    def _deliver(self, message: Message) -> None:
        voter = self.voters[message.recipient]
        if not voter.runs:
            return
        liar = self.liars.get(voter.name)
        arrived = message if liar is None else liar.incoming(message)
        if arrived is not None:
            voter.inbox.append(Received(arrived))

    def _step(self, voter: Voter) -> None:
        """Let a voter do its work; a liar's words are changed on their way out."""
        liar = self.liars.get(voter.name)
        try:
            stepped = voter.step()
        except SimCrashError:
            self.note(f"{voter.name} loses power in a save")
            voter.stop()
            return
        except (InvariantError, LedgerError) as error:
            self.watch.break_down(voter.name, error)
            voter.stop()
            return
        self._see(voter, stepped)
        for message in stepped.outgoing:
            self.send((message,) if liar is None else liar.outgoing(message))

    def _see(self, voter: Voter, stepped: Stepped) -> None:
        self.watch.see(voter, stepped, self.voters.values())
        if self.trace is not None:
            for block in stepped.applied:
                self.note(f"{voter.name} applies {block.end.place} {block.head.hex()[:8]}")
            for exhibit in stepped.exhibits:
                self.note(f"{voter.name} convicts: {exhibit.conviction.words}")
            for one in stepped.refused:
                self.note(f"{voter.name} refuses {one.sender}, term {one.term}: {one.problem}")

    def send(self, messages: Sequence[Message]) -> None:
        """Put messages on the network, which may lose them."""
        for message in messages:
            self.auditor.hear(message)
            if self.trace is not None:
                self.note(f"{message.sender} > {message.recipient} {_describe(message)}")
            if self.chance(self.climate.loss):
                continue
            for _ in range(1 + self.chance(self.climate.copies)):
                straggles = self.chance(self.climate.straggle)
                self._network.post(message, now=self.now, straggles=straggles)

    def _submit(self) -> None:
        """Let a client send an event to who leads."""
        if not self.chance(self.climate.propose):
            return
        leaders = [voter for voter in self.voters.values() if voter.leads]
        if leaders:
            self._events += 1
            event = make_event(self.roll.genesis, self._events)
            self._prng.choice(leaders).submitted.append(event.encoded)

    def _draw_crash(self) -> CrashPoint | None:
        if not self.chance(self.climate.crash_in_save):
            return None
        return CrashPoint.BEFORE if self.chance(500) else CrashPoint.AFTER

    def _blow(self) -> None:
        """Let one tick of weather pass."""
        climate = self.climate
        if self._network.is_cut and self.chance(climate.heal):
            self._network.heal()
            self.note("heal")
        elif self.chance(climate.partition):
            self._partition()
        for voter in self.voters.values():
            if not voter.runs:
                self._restart(voter)
            elif self.chance(climate.crash):
                self.note(f"{voter.name} stops")
                voter.stop()
            elif voter.leads and self.chance(climate.transfer):
                voter.hand_over(self._prng.choice(self.roll.names))
        if self.now % _IMAGE_EVERY == 0:
            for name, voter in self.voters.items():
                self._images[name].append(voter.disk.image())

    def _partition(self) -> None:
        names = list(self.roll.names)
        self._prng.shuffle(names)
        leaders = {one.name for one in self.voters.values() if one.leads}
        if self.chance(500):
            names.sort(key=lambda name: name not in leaders)
        links = draw_cut(names, self._prng.choice(_SHAPES), self._prng)
        self._network.cut(links)
        self.note(f"cut {links}")

    def _restart(self, voter: Voter) -> None:
        if not self.chance(self.climate.restart):
            return
        images = self._images[voter.name]
        if images and voter.name in self._forgetful and self.chance(self.climate.restore):
            self.restore(voter, self._prng.choice(images))
        self.note(f"{voter.name} starts")
        try:
            voter.start(self.now)
        except (InvariantError, LedgerError) as error:
            self.watch.break_down(voter.name, error)

    def restore(self, voter: Voter, image: Image) -> None:
        """Put an old image on the disk of a stopped voter."""
        self.note(f"{voter.name} is restored to {image.hard_state} {len(image.log)}")
        voter.disk.restore(image)
        self.watch.restored(voter.name)

    def _clear(self) -> None:
        """Let nothing fail any more."""
        self.note("calm")
        self.climate = self.climate.healed()
        self._network.heal(delay_ticks=1)


def _describe(message: Message) -> str:
    """Tell what a message says, and what kinds of proof are attached to it."""
    body, attached = message.body, decode_attachment(message.body.attached)
    proofs = [name for name in attached.__struct_fields__ if getattr(attached, name)]
    shown = replace(body, attached=b"")
    if isinstance(shown, AppendRequest):
        places = [(entry.index, entry.term) for entry in shown.entries]
        return f"{replace(shown, entries=())} of {places} with {proofs}"
    return f"{shown} with {proofs}"
