"""Where the exploration begins."""

from kpnode.raft import Envelope, NodeId, RaftCore
from kpnode.sim.explore.acts import Act, Deliver, Manner, Timeout
from kpnode.sim.explore.bounds import Bounds
from kpnode.sim.explore.local import Disk, Local
from kpnode.sim.explore.pieces import Pieces
from kpnode.sim.explore.rules import History, Rules
from kpnode.sim.explore.space import State
from kpnode.sim.explore.view import View


def root(
    bounds: Bounds, pieces: Pieces, rules: Rules, core: type[RaftCore], disk: type[Disk]
) -> State:
    """Return the first state: empty disks, or all at rest under a leader whose term is open.

    Raises:
        ViolationError: A rule was broken on the way there.
    """
    genesis = bounds.genesis
    nodes = {name: Local.first(bounds.settings(name), genesis, core, disk) for name in bounds.names}
    history = History(genesis, (None,) * bounds.terms)
    acts: list[tuple[NodeId, Act]] = [(bounds.names[0], Timeout())] if bounds.led else []
    while acts:
        name, act = acts.pop(0)
        sent: tuple[Envelope, ...] = nodes[name].step(act, Manner()).outgoing
        acts += ((envelope.recipient, Deliver(envelope)) for envelope in sent)
        history = rules.remember(history, View.of(nodes[name]))
    return State(
        tuple(pieces.node(node) for node in nodes.values()),
        pieces.history(history),
        bounds.budget,
        (),
    )
