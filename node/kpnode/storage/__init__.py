"""Where a node keeps its log: one adapter per module, each an implementation of `ports.Storage`."""
