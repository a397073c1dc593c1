"""lab.explorer: every state of a small world, driven by the real core.

Where the simulator draws one life after another, this takes every turn that any life of a small
world could take, and checks the rules of safety in every state. Start it with
`scripts/explore --help`.

The parts: `acts` names what can happen to a node, `local` lets it happen to one real core, `steps`
does so once for every different node and input, `pieces` keeps what states are made of, `space` and
`choices` know the moves between states, `share` and `search` walk through them, `rules` judges.
"""
