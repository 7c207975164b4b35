"""Why a command ends without having done what it was asked; the text is one line."""


class UsageError(Exception):
    """The options ask for something impossible: exit code 2."""


class Failed(Exception):
    """It could not be done, however it is asked for: exit code 1."""
