"""Checkpoints of what is final: what a node states about its tree, and what others have stated.

A leader signs the checkpoint of what is final, every node whose own ledger has the same tree adds a
timestamped cosignature, and with those of more than two thirds of the voters it is *sealed*
(docs/protocol.md, "Transparency log"). Here is who may sign what, and what was signed; who asks
whom, and how, is not.
"""
