"""The demonstration: a year of synthetic trade, and a network to record it on.

Nothing here is about a real shipment or company, and nothing here is needed to run a ledger.
"""
