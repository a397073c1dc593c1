"""The indexes of the flags: each takes in moves or events, and is read without the ledger."""
