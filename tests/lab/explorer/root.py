"""Where the exploration begins."""

from lab.explorer.acts import Act, Deliver, Manner, Timeout
from lab.explorer.bounds import Bounds
from lab.explorer.local import Disk, Local
from lab.explorer.pieces import Pieces
from lab.explorer.rules import History, Rules
from lab.explorer.space import State
from lab.explorer.view import View

from kpnode.raft import Message, NodeId, RaftCore


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
        sent: tuple[Message, ...] = nodes[name].step(act, Manner()).outgoing
        acts += ((message.recipient, Deliver(message)) for message in sent)
        history = rules.remember(history, View.of(nodes[name]))
    return State(
        tuple(pieces.node(node) for node in nodes.values()),
        pieces.history(history),
        bounds.budget,
        (),
    )
