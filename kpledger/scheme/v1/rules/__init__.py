"""The checks of version 1: each refuses with the rule that an event breaks."""
