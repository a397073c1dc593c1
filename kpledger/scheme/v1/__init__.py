"""Version 1 of the rules of the scheme, whole: what may be said, by whom, and what it changes."""
