"""kpnode.gossip: the ways between nodes."""
