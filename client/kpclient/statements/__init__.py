"""A statement on its way: signed, sent, and what became of it."""
