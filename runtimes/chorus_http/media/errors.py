"""What is wrong with a file; the texts are for callers and repeat nothing of it."""


class MediaError(Exception):
    """The file is not taken."""


class UnknownFormat(MediaError):
    """It is of no format that is read."""


class Damaged(MediaError):
    """It is cut off, broken, or made to cost more than it shows."""


class TooManyPixels(MediaError):
    """It says of itself that it has more pixels than are taken."""
