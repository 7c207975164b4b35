"""Tie a command to its parent: `python tether.py PARENT COMMAND…` dies with PARENT (Linux).

The death signal survives exec, so it is set here, in a process of its own: code between fork
and exec (`preexec_fn`) can deadlock when the parent has threads, and asyncio waits for children
in one.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>


def main() -> None:
    """Ask the kernel for SIGTERM on the parent's death, then become the command."""
    parent, *command = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # the parent died before it could be watched
        sys.exit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command is the supervisor's own
    except OSError as error:
        sys.exit(f"chorus: cannot start {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
