"""Statistics (KPCS Annex III): trade as the events tell it, and what participants submit.

A certificate counts as an export of its issuer in the quarter of its day of issue, from the moment
it is validated, and as an import of its destination in the quarter of the day of receipt, from the
moment it is confirmed, with what was found. What is taken back counts no more from then on.
Technical certificates count nowhere (rule E10). The tables ``trade`` and ``trade_totals`` hold what
counts, and since when; ``editions`` and ``edition_rows`` what was submitted.
"""
