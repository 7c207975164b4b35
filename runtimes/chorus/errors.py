"""What the command line refuses to do."""


class UsageError(Exception):
    """The options ask for something impossible; the text is the one line that says so."""
