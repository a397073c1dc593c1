"""All states of a small world, and the moves between them.

Messages arrive in any order or never. There is no move that loses one: a message that stays in
flight for ever is a lost one, and where room is short every choice of what to lose is a state of
its own.

Nodes are interchangeable. Of all states that are renamings of each other one stands for all: the
one whose nodes are in the order of their shapes (see `NodePiece`), and where shapes are equal the
least as a string of bytes. That loses nothing, because a move of the renamed state is the renamed
move: the core looks at the order of names in one place only (see `steps`), its drawn timeouts play
no part (see `local`), the order of what it sends does not matter here, and no rule knows a name.
"""

from collections.abc import Iterable, Iterator
from itertools import combinations, groupby, permutations, product
from typing import NamedTuple

from lab.explorer.acts import Act, Deliver, Manner
from lab.explorer.bounds import Bounds, Budget
from lab.explorer.choices import Choices
from lab.explorer.pieces import KEY_BYTES, Pieces, Renaming, is_spent
from lab.explorer.rules import Rules, held_of
from lab.explorer.steps import Outcome, Steps
from lab.invariants.catalogue import ViolationError

from kpnode.raft import NodeId, PreVoteReply


class State(NamedTuple):
    """One moment of the world."""

    nodes: tuple[bytes, ...]
    history: bytes
    budget: bytes
    """What is left, by `Budget`."""
    flying: tuple[bytes, ...]
    """Messages on their way, ascending."""

    def pack(self) -> bytes:
        """Return the state as one string of bytes."""
        return b"".join((*self.nodes, self.history, self.budget, *self.flying))


class Move(NamedTuple):
    """What happens between two states."""

    node: NodeId
    act: Act
    manner: Manner
    copied: bool = False
    """The message stays in flight."""
    answered: bool = False
    """So was the answer, in the same move."""


class BadMoveError(Exception):
    """A move breaks a rule."""

    def __init__(self, move: Move, violation: ViolationError) -> None:
        super().__init__(str(violation))
        self.move = move
        self.violation = violation


class Space:
    """The moves out of any state, found with the real core."""

    def __init__(self, bounds: Bounds, steps: Steps, pieces: Pieces, rules: Rules) -> None:
        self._bounds = bounds
        self._pieces = pieces
        self._rules = rules
        self._steps = steps
        self._choices = Choices(bounds)
        head = bounds.nodes * KEY_BYTES
        self._cuts = (head, head + KEY_BYTES, head + KEY_BYTES + len(Budget))

    def unpack(self, packed: bytes) -> State:
        """Return the state a string of bytes stands for."""
        nodes, history, budget = self._cuts
        return State(
            _keys(packed[:nodes]),
            packed[nodes:history],
            packed[history:budget],
            _keys(packed[budget:]),
        )

    def moves(self, state: State) -> Iterator[tuple[Move, State]]:
        """Yield every move and where it leads.

        Raises:
            BadMoveError: A rule was broken on the way.
        """
        history = self._pieces.histories[state.history].history
        for place, key in enumerate(state.nodes):
            node = self._pieces.nodes[key].view
            for act, cost in self._choices.acts(node, history, state.budget):
                for outcome in self._outcomes(key, act, act):
                    move = Move(node.node, act, outcome.manner)
                    yield from self._after(state, place, outcome, move, cost)
        for body in dict.fromkeys(state.flying):
            yield from self._deliveries(state, body)

    def judge(self, state: State) -> None:
        """Judge what no single step shows.

        Raises:
            ViolationError: A rule was broken.
        """
        nodes = [self._pieces.nodes[key] for key in state.nodes]
        for left, right in combinations(nodes, 2):
            if right.key not in left.peers:
                self._rules.pair(left.view, right.view)
                left.peers.add(right.key)
        past = self._pieces.histories[state.history]
        for node in nodes:
            if node.key not in past.held:
                past.held[node.key] = held_of(past.history, node.view)
        held = tuple(past.held[key] for key in state.nodes)
        if held not in past.durable:
            self._rules.durable(past.history, dict(zip(self._bounds.names, held, strict=True)))
            past.durable.add(held)

    def canonical(self, state: State) -> bytes:
        """Return the one state that stands for this one and all its renamings, packed."""
        shapes = [self._pieces.nodes[key].shape for key in state.nodes]
        order = sorted(range(len(shapes)), key=shapes.__getitem__)
        ties = [tuple(tie) for _, tie in groupby(order, key=shapes.__getitem__)]
        if len(ties) == len(shapes):
            return self._renamed(state, order)
        orders = product(*(permutations(tie) for tie in ties))
        return min(self._renamed(state, [p for tie in found for p in tie]) for found in orders)

    def _renamed(self, state: State, order: list[int]) -> bytes:
        """Return the packed state in which the nodes stand in this order, named by their place."""
        pieces = self._pieces
        places = list(range(len(order)))
        if order == places:
            return state.pack()
        renaming: Renaming = tuple(order.index(place) for place in places)
        flying = sorted(pieces.rename_message(key, renaming) for key in state.flying)
        history = pieces.rename_history(state.history, renaming)
        nodes = (pieces.rename_node(state.nodes[place], renaming) for place in order)
        return b"".join((*nodes, history, state.budget, *flying))

    def _outcomes(self, node: bytes, label: object, act: Act) -> tuple[Outcome, ...]:
        piece = self._pieces.nodes[node]
        found = piece.outcomes.get(label)
        if found is None:
            found = piece.outcomes[label] = self._steps.outcomes(piece, act)
        return found

    def _deliveries(self, state: State, key: bytes) -> Iterator[tuple[Move, State]]:
        body = self._pieces.messages[key]
        if not self._choices.may_arrive(body.message):
            return
        act = Deliver(body.message)
        place = body.recipient
        name = body.message.recipient
        rest = _without(state, key)
        for outcome in self._outcomes(state.nodes[place], key, act):
            move = Move(name, act, outcome.manner)
            yield from self._after(rest, place, outcome, move, None)
            if state.budget[Budget.COPIES]:
                move = Move(name, act, outcome.manner, copied=True)
                yield from self._after(state, place, outcome, move, Budget.COPIES)

    def _after(
        self, state: State, place: int, outcome: Outcome, move: Move, cost: Budget | None
    ) -> Iterator[tuple[Move, State]]:
        """Yield the states after a move of one node, one for each choice of what is lost."""
        budget = _pay(state.budget, outcome.costs if cost is None else (*outcome.costs, cost))
        if budget is None:
            return
        if outcome.violation is not None:
            raise BadMoveError(move, outcome.violation)
        try:
            history = self._remember(state.history, outcome.node)
        except ViolationError as violation:
            raise BadMoveError(move, violation) from violation
        nodes = (*state.nodes[:place], outcome.node, *state.nodes[place + 1 :])
        old = (key for key in state.flying if not self._is_spent(key, nodes, place))
        new = (key for key in outcome.sent if not self._is_spent(key, nodes))
        after = State(nodes, history, budget, tuple(sorted((*old, *new))))
        answer = self._answer_to_poll(outcome) if self._bounds.polls else None
        if answer is not None:
            yield from self._answer(after, answer, move._replace(answered=True))
        elif len(after.flying) <= self._bounds.messages:
            yield move, after
        else:
            for flying in dict.fromkeys(combinations(after.flying, self._bounds.messages)):
                yield move, State(nodes, history, budget, flying)

    def _answer_to_poll(self, outcome: Outcome) -> bytes | None:
        messages = self._pieces.messages
        replies = (k for k in outcome.sent if isinstance(messages[k].content, PreVoteReply))
        return next(replies, None)

    def _answer(self, state: State, key: bytes, move: Move) -> Iterator[tuple[Move, State]]:
        """Deliver the answer to a poll at once, in the plain manner."""
        body = self._pieces.messages[key]
        place = body.recipient
        rest = _without(state, key)
        found = self._outcomes(state.nodes[place], key, Deliver(body.message))
        plain = [outcome for outcome in found if not outcome.costs]
        for outcome in plain or (Outcome(state.nodes[place], ()),):
            yield from self._after(rest, place, outcome, move, None)

    def _remember(self, history: bytes, node: bytes) -> bytes:
        past = self._pieces.histories[history]
        found = past.after.get(node)
        if found is None:
            new = self._rules.remember(past.history, self._pieces.nodes[node].view)
            found = history if new is past.history else self._pieces.history(new)
            past.after[node] = found
        return found

    def _is_spent(self, key: bytes, nodes: tuple[bytes, ...], place: int | None = None) -> bool:
        """Tell whether a message (if to this place) can never do anything any more."""
        body = self._pieces.messages[key]
        if place not in (None, body.recipient) or not self._bounds.forget:
            return False
        node = self._pieces.nodes[nodes[body.recipient]]
        found = node.spent.get(key)
        if found is None:
            found = node.spent[key] = is_spent(body, node.view)
        return found


def _keys(packed: bytes) -> tuple[bytes, ...]:
    return tuple(packed[at : at + KEY_BYTES] for at in range(0, len(packed), KEY_BYTES))


def _without(state: State, key: bytes) -> State:
    flying, at = state.flying, state.flying.index(key)
    return State(state.nodes, state.history, state.budget, flying[:at] + flying[at + 1 :])


def _pay(budget: bytes, costs: Iterable[Budget]) -> bytes | None:
    """Return what is left, None if it does not suffice."""
    if not costs:
        return budget
    left = bytearray(budget)
    for cost in costs:
        if not left[cost]:
            return None
        left[cost] -= 1
    return bytes(left)
