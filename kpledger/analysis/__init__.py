"""Analysis: what the ledger tells beyond its state: statistics, flags, lineage, a calendar.

Nothing here decides on an event, so nothing here is covered by the state digest; it follows from
the events alone and anybody can derive it again. Indexes are kept while blocks are applied
(:mod:`kpledger.analysis.projection`), so that a question never reads the whole ledger; questions
are asked of a *book* (:mod:`kpledger.analysis.book`), which a node has on its disk and an auditor
in memory after a replay.
"""
