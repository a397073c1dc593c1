"""A whole world of nodes on one machine: voters and replicas on two hosts that can be parted."""
