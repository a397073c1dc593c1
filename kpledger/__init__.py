"""kpledger: the facts, rules, hashes and proofs of a ledger of Kimberley Process certificates.

The library has no IO, no clock and no randomness. Installed alone it is an offline verifier.
"""

__version__ = "0.1.0"
