"""A random walk: authorities that act as they should, mostly, and as they should not.

:mod:`walk.chance` draws who acts, :mod:`walk.shipping` and its neighbours what they say,
:mod:`walk.bench` says it to the ledger and to the naive model and compares the answers.
"""
