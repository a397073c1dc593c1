"""Voters that lie, in a simulated network, with the real core and the real notary around it.

One seed is one life. Its nodes order blocks whose headers, heads and signatures are real; no rule
of the ledger is executed. Some of the nodes are *liars*: they have their own keys and a working
node, and change what it says. What honest nodes may never do whatever liars say, and whom the
evidence may name, is in :mod:`lab.liars.rules`.
"""
