"""The command-line options that several benchmarks share, and what they stand for."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from benchmarks import weights
from benchmarks.machine import all_cores
from benchmarks.texts import challenge_texts
from chorus.load.texts import short_texts

TEXTS: dict[str, Callable[[int], list[str]]] = {"challenge": challenge_texts, "short": short_texts}


def add_subject(parser: argparse.ArgumentParser) -> None:
    """What is measured: weights, device, texts, cores."""
    parser.add_argument("--weights", default="real", help=weights.HELP)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--texts", default="challenge", choices=tuple(TEXTS))
    parser.add_argument("--count", type=positive_int, default=200, help="how many different texts")
    parser.add_argument("--cores", type=_cores, default=all_cores(), metavar="N,…")


def add_output(parser: argparse.ArgumentParser) -> None:
    """Where results go."""
    parser.add_argument("--output", type=Path, metavar="FILE.jsonl", help="rows are appended")
    parser.add_argument("--markdown", action="store_true", help="the table as RESULTS.md has it")


def positive_int(text: str) -> int:
    """A whole number above zero."""
    return int(_positive(int(text)))


def positive_float(text: str) -> float:
    """A finite number above zero."""
    return _positive(float(text))


def numbers(text: str) -> list[int]:
    """Whole numbers above zero, separated by commas."""
    return [positive_int(part) for part in text.split(",")]


def names(text: str) -> list[str]:
    """Names separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _positive(number: float) -> float:
    if not math.isfinite(number) or number <= 0:
        raise argparse.ArgumentTypeError("must be positive")
    return number


def _cores(text: str) -> set[int]:
    return {int(core) for core in text.split(",")}
