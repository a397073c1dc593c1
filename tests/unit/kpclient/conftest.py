"""Keys are made and opened often here; tests/attacks has some at their full cost."""

from kpclient import keyfile

keyfile._COST = (2**10, 8, 1)
