"""An API server to try things on by hand: `python -m tests.apiserver --folder F`."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from tests.apiserver.server import ApiServer


def main() -> None:
    """Serve until a signal; prints the path of the administrator's kubeconfig."""
    parser = argparse.ArgumentParser(prog="python -m tests.apiserver", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, help="a free one by default")
    parser.add_argument("--folder", type=Path, required=True, help="for certificates and tokens")
    parser.add_argument("--name", action="append", default=[], help="further names of this host")
    parser.add_argument(
        "--account",
        action="append",
        default=[],
        metavar="NAMESPACE/NAME",
        help="write the files of this service account too: FOLDER/accounts/NAMESPACE/NAME",
    )
    arguments = parser.parse_args()
    signals = {signal.SIGINT, signal.SIGTERM}
    # Before the thread starts, which inherits it: the signals are then this thread's to wait for.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with ApiServer(
        host=arguments.host,
        port=arguments.port,
        folder=arguments.folder.resolve(),
        names=arguments.name,
    ) as server:
        for account in arguments.account:
            server.account_folder(*account.split("/", 1))
        print(server.kubeconfig(), flush=True)  # noqa: T201
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
