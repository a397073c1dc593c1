"""The log: blocks chained by hashes, the tree over their events, published heads, and the audit."""
