"""The rules of the scheme, one folder for each released version.

A released version is never edited: what was accepted under it must be accepted for ever. Which
version holds at a height is decided by the ledger itself.
"""
