"""One flood a module, as ``ATTACK``."""
