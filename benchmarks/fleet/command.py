"""From one node's throughput to a fleet: computes the tables and pictures of docs/scaling.md.

The inputs, each with its source, are in benchmarks/fleet/given.py. The tables stand between
`<!-- fleet:NAME -->` and `<!-- /fleet:NAME -->`, in README.md too.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.fleet.curves import Picture, pictures
from benchmarks.fleet.document import filled
from benchmarks.report import progress
from benchmarks.weights import ROOT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if something is old")


def run(options: argparse.Namespace) -> int:
    """Write what is old, or only say what is; the exit status is 1 if something was and is."""
    return refresh(ROOT, check=options.check)


def refresh(root: Path, *, check: bool) -> int:
    """The same in another checkout."""
    documents = {
        path: fresh
        for path in (root / "docs" / "scaling.md", root / "README.md")
        if (fresh := filled(text := path.read_text(encoding="utf-8"))) != text
    }
    drawings = {
        path: picture
        for name, picture in pictures().items()
        if not _is_of(path := root / "docs" / "scaling" / f"{name}.svg", picture)
    }
    old = [str(path.relative_to(root)) for path in (*documents, *drawings)]
    if check:
        if old:
            progress(f"old: {', '.join(old)}; run `python -m benchmarks fleet`")
        return int(bool(old))
    for path, fresh in documents.items():
        path.write_text(fresh, encoding="utf-8")
    _draw(drawings)
    progress(f"written: {', '.join(old)}" if old else "all is as it was")
    return 0


def _is_of(path: Path, picture: Picture) -> bool:
    return path.is_file() and picture.mark in path.read_text(encoding="utf-8")


def _draw(drawings: dict[Path, Picture]) -> None:
    if not drawings:
        return
    from benchmarks.fleet.drawing import draw

    for path, picture in drawings.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(picture, path)
