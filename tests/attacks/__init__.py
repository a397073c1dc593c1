"""Attacks on real nodes: what strangers, one key and hostile files can do, and must not."""
