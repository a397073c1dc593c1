"""Gossip: nodes tell each other what was signed, so that nobody shows two of them two ledgers.

What is told stands for itself and is verified before it is kept; what contradicts something else is
evidence. Here is what is kept and compared, and with whom it is exchanged.
"""
