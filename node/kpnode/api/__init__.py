"""kpnode.api: the node's public face over HTTP; it decides nothing."""
