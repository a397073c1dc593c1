"""What ends `kpnode` with one line, because it is for a person to put right."""


class SetupError(Exception):
    """What a node or a network was given cannot be used; one line that says what, and why."""
