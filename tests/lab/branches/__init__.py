"""lab.branches: every state of a small world in which one voter lies, up to two branches a leader.

Not the core: the smallest model of what honest voters promise, and of all that a liar can show
without breaking a signature. But whether a voter may vote is decided by the real
`kpnode.notary.claims`. Start it with `scripts/explore --world liar`.
"""
