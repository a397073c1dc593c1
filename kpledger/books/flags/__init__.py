"""Flags: what an analyst should look at, because it is rarely what honest trade looks like.

A rule refuses; a flag only points. Each of the nineteen is a file, ``f1.toml`` to ``f19.toml``, and
the file is all there is to it: what it looks for and why, its thresholds with their defaults, and
for each of its ways to be raised a statement of SQL over the tables of the books with the sentence
that explains a finding. :mod:`catalogue` reads the files, :mod:`settings` the thresholds of a
question, :mod:`search` runs the statements and answers, and :mod:`sentence` fills in the sentences.

A statement is plain SQLite without functions of our own: whoever has a file of the books and knows
SQL can run it as it stands, ``.parameter set :days 30`` for each of its parameters first. It begins
with what is ``common`` to the flag, or to several (``balances.sql``). Its amounts are whole
numbers; the sentence writes them as carats and dollars. ``CROSS JOIN`` and ``MATERIALIZED`` tell
SQLite in which order to go: years of trade are searched by their days, never from end to end.
"""
