"""kpledger.api: what a node is asked over HTTP and what it answers; shared by node and client."""
