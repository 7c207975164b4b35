"""Notes which libraries a process imports, as a folder on PYTHONPATH; see test_t46_weights.py."""

import os
import sys

_NOTES = os.environ["WATCHED_IMPORTS"]


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "import":
        name = str(arguments[0])
        if "." not in name:
            notes = os.open(_NOTES, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
            os.write(notes, f"{name}\n".encode())
            os.close(notes)


sys.addaudithook(_note)
