"""Books: what a ledger tells beyond its state, in tables that anybody can query with SQL.

Nothing here decides on an event, so nothing here is covered by the state digest; it follows from
the events alone, and anybody can derive it again. ``schema.sql`` is the whole of what there is to
ask; :mod:`kpledger.books.database` opens and reads it.
"""
