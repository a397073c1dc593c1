"""What the ports of a node take in tests: as much as one with few descriptors."""

from kpnode.listening.descriptors import share_descriptors

FOR_API, FOR_PEERS = share_descriptors(1024, peers=4, database=256)
