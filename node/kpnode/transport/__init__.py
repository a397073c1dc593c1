"""kpnode.transport: the ways between nodes."""
