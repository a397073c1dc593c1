"""kpnode: the consensus node of the kpledger network."""
