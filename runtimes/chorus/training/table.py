"""Labelled texts from the rows of a file, every one of them checked."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from chorus.errors import UsageError
from chorus.training.limits import LONGEST_LABEL, LONGEST_TEXT, MOST_LABELS, MOST_ROWS
from chorus.training.records import Record, records, refusal

SEPARATOR = " | "
"""Between the texts of several columns; who asks the model writes it too."""
_LISTED = 20  # columns named in an error
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Example:
    """A text, its label, and the number of their row."""

    row: int
    text: str
    label: str


@dataclass(frozen=True)
class Table:
    """The labelled texts of a file, in its order."""

    file: Path
    examples: tuple[Example, ...]

    @cached_property
    def balance(self) -> dict[str, int]:
        """How many rows each label has; the labels in alphabetical order."""
        return dict(sorted(Counter(example.label for example in self.examples).items()))


def read(file: Path, texts: Sequence[str], label: str) -> Table:
    """All rows of a file; `texts` are columns, joined by SEPARATOR where they are not empty.

    Raises UsageError, which names the row and the reason.
    """
    if len({*texts, label}) < len(texts) + 1:
        raise UsageError("--text and --label: each names a column of its own")
    examples: list[Example] = []
    for number, record in records(file):
        if not examples:
            _require_columns(file, record, (*texts, label))
        if len(examples) == MOST_ROWS:
            raise UsageError(f"{file} has more than {MOST_ROWS:,} rows; train on a part of them")
        examples.append(_example(file, number, record, texts, label))
    if not examples:
        raise UsageError(f"{file} has no rows")
    return Table(file, tuple(examples))


def require_trainable(table: Table) -> None:
    """Refuse labels that nothing can be learnt of. Raises UsageError."""
    labels = len(table.balance)
    if labels == 1:
        raise UsageError(f"{table.file}: every row has the same label; two labels are the least")
    if labels > MOST_LABELS:
        raise UsageError(
            f"{table.file} has {labels:,} labels, and {MOST_LABELS:,} are the most; "
            "does --label name the right column?"
        )
    for example in table.examples:
        if table.balance[example.label] == 1:
            raise refusal(
                table.file, example.row, "no other row has its label; two rows are the least"
            )


def require_known_labels(table: Table, trained: Table) -> None:
    """Refuse validation rows whose label is in no training row. Raises UsageError."""
    for example in table.examples:
        if example.label not in trained.balance:
            raise refusal(table.file, example.row, f"its label is in no row of {trained.file}")


def _require_columns(file: Path, record: Record, wanted: Sequence[str]) -> None:
    for column in wanted:
        if column not in record:
            listed = ", ".join(list(record)[:_LISTED])
            raise UsageError(f"{file} has no column {column!r}; its columns are {listed}")


def _example(file: Path, number: int, record: Record, texts: Sequence[str], label: str) -> Example:
    parts = [_value(file, number, record, column, LONGEST_TEXT) for column in texts]
    text = SEPARATOR.join(part for part in parts if part)
    if not text:
        what = f"{texts[0]} is empty" if len(texts) == 1 else f"{', '.join(texts)} are empty"
        raise refusal(file, number, what)
    name = _value(file, number, record, label, LONGEST_LABEL)
    if not name:
        raise refusal(file, number, f"{label} is empty")
    return Example(number, text, name)


def _value(file: Path, number: int, record: Record, column: str, longest: int) -> str:
    """A column as a text without white space around it; empty where there is none."""
    value = record.get(column)
    if value is None:
        return ""
    if isinstance(value, bool | int):
        value = json.dumps(value)
    if not isinstance(value, str):
        raise refusal(file, number, f"{column} is neither a text nor a whole number")
    value = value.strip()
    if len(value) > longest:
        raise refusal(
            file, number, f"{column} has {len(value):,} characters, and {longest:,} are the most"
        )
    if _NO_TEXT.search(value):
        raise refusal(file, number, f"{column} has NUL or half a character in it; delete it")
    return value
