"""kpnode.sim.explore: every state of a small world, driven by the real core.

Where the simulator draws one life after another, this takes every turn that any life of a small
world could take, and checks the rules of safety in every state. Start it with
`python -m kpnode.sim.explore --help`.

The parts: `local` runs one node, `steps` every step of one node once, `space` puts nodes, messages
and history together to states, `share` and `search` walk through them, `rules` judges.
"""
