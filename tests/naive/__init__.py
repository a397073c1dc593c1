"""A naive model of the ledger's rules, to hold the real ones against.

It is written from the catalogue, the state machine and the rules of the scheme as documented, not
from the code: plain dictionaries and lists, tables as text, one question after another. It imports
the Structs of events, since those are how people say things, and nothing of what decides on them.

:mod:`naive.world` is what it remembers, :mod:`naive.order` in which order it asks its questions,
:mod:`naive.judge` how it answers. An answer is the code of a rule, or nothing.
"""
