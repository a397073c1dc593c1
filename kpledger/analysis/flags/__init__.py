"""Flags: what an analyst should look at, because it is rarely what honest trade looks like.

A rule refuses; a flag only points. Each of the eighteen (:mod:`registry`) has thresholds that the
reader may set (:mod:`settings`), and gives *findings* (:mod:`finding`) with the events behind them
and the harmless causes to think of first.

Theory of operation. While blocks are applied, :mod:`projecting` turns events into *moves* of
certificates (:mod:`passages`) and lets each index take in what it needs (:mod:`indexes`): sums,
intervals, lists of what is open. What is decided at one event alone is written down as an
*observation* with its measure (:mod:`observations`), so that thresholds apply when somebody reads.
When somebody asks, the detectors (:mod:`detect`) read only those indexes, never the ledger.
"""
