"""Statistics (KPCS Annex III): trade derived from events, and what participants submit.

A certificate counts as an export of its issuer in the quarter of its day of issue, from the moment
it is validated, and as an import of its destination in the quarter of the day of receipt, from the
moment it is confirmed, with what was found. What is taken back is subtracted from the same quarter.
Technical certificates count nowhere (rule E10).

:mod:`~kpledger.analysis.statistics.counting` keeps the tables while blocks are applied,
:mod:`~kpledger.analysis.statistics.tables` reads and writes them,
:mod:`~kpledger.analysis.statistics.submissions` keeps the editions that were submitted. Every total
carries its own past, so that each table can be printed as it was known at a day.
"""
