"""What is said while serving: our own lines, the children's, the progress of the start."""

import sys
from collections.abc import Sequence
from io import TextIOWrapper

from rich.console import Console
from rich.status import Status
from rich.text import Text

# Whoever turned the access log on wants to see it.
LOUD = ("WARNING", "ERROR", "CRITICAL", "chorus:", "chorus.access")
TRACEBACK = "Traceback (most recent call last)"
PLAIN_WIDTH = 200  # a log is read by programs too: do not fold its lines at 80 columns
STYLES = {"runtime": "cyan", "gateway": "magenta", "page": "blue"}  # runtime-2 is a runtime too


def console(*, stderr: bool = False) -> Console:
    """A console that is plain where it is no terminal and never fails on a character."""
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="replace")
    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made.width = PLAIN_WIDTH
    return made


class Terminal:
    """The voice of `chorus serve`: the summary goes to stdout, everything else to stderr."""

    def __init__(self, *, verbose: bool = False) -> None:
        self.out = console()
        self._err = console(stderr=True)
        self._verbose = verbose
        self._in_traceback: set[str] = set()
        self._starting = False
        self._ready: set[str] = set()
        self._status: Status | None = None

    def say(self, text: str) -> None:
        """One line of our own."""
        self._print(Text(f"chorus: {text}"))

    def child_line(self, name: str, line: str) -> None:
        """A child's line, with its name; below a warning only when verbose."""
        if self._verbose or self._is_loud(name, line):
            self.tail(name, [line])

    def tail(self, name: str, lines: Sequence[str]) -> None:
        """Lines of a child, whatever their level."""
        for line in lines:
            self._print(
                Text.assemble((f"[{name}]", STYLES.get(name.partition("-")[0], "")), " ", line)
            )

    def status(self, text: str) -> None:
        """What is going on now, in place of what was; a line of its own where that cannot be."""
        if not self._err.is_interactive:
            self.say(text)
        elif self._status:
            self._status.update(Text(text))
        else:
            self._status = self._err.status(Text(text))
            self._status.start()

    def start(self, total: int) -> None:
        """Begin to show the progress of the start."""
        self._starting = True
        self._ready = set()
        self.status(f"starting the model server and the gateway: 0/{total} models ready")

    def progress(self, ready: Sequence[str], total: int) -> None:
        """Show how many models are ready, and which of them have just become so."""
        if not self._starting:
            return
        new = [name for name in ready if name not in self._ready]
        self._ready = set(ready)
        count = f"{len(ready)}/{total} models ready"
        self.status(f"{count}: {', '.join(new)}" if new else count)

    def started(self) -> None:
        """Clear the progress away."""
        self._starting = False
        if self._status:
            self._status.stop()
            self._status = None

    def _print(self, text: Text) -> None:
        self._err.print(text, soft_wrap=True)

    def _is_loud(self, name: str, line: str) -> bool:
        if name in self._in_traceback:
            if not line.startswith(" "):  # the exception itself ends its traceback
                self._in_traceback.discard(name)
            return True
        if TRACEBACK in line:
            self._in_traceback.add(name)
            return True
        return any(word in line for word in LOUD)
