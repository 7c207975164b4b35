"""The command line that all these servers share."""

import argparse

HOST = "127.0.0.1"


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser of `--port N --device D KEY=FOLDER …`; a server adds its own options."""
    shared = argparse.ArgumentParser(description=description)
    shared.add_argument("--port", type=int, required=True)
    shared.add_argument("--device", choices=("cpu", "cuda"), required=True)
    shared.add_argument("models", nargs="+", type=_pair, metavar="KEY=FOLDER")
    return shared


def _pair(text: str) -> tuple[str, str]:
    key, separator, folder = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=FOLDER")
    return key, folder
