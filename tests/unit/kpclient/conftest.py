"""Keys are made and opened often here; tests/attacks has some at their full cost."""

from kpclient import keyfile

keyfile._COST = (2**14, 8, 1)
