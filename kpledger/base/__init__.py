"""Base: what everything else is made of: bytes, identifiers, units, keys, hashes, state, errors."""
