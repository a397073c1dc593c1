"""What the ports of a node take in tests: as much as one with few descriptors."""

from kpnode.listening.descriptors import share_descriptors

PORTS = share_descriptors(1024, peers=4, database=256)
