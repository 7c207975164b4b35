"""Rows of a CSV, TSV, JSONL or JSON file, each with its number.

Rows count as a spreadsheet shows them, the header being row 1; of JSONL they are its lines, of JSON
the elements of its list.
"""

import csv
import gzip
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from chorus.errors import UsageError
from chorus.training.limits import LONGEST_TEXT, MOST_BYTES

Record = Mapping[str, object]
Numbered = Iterator[tuple[int, Record]]


class Stream(Protocol):
    """What is read of an opened file, packed or not."""

    def read(self, size: int, /) -> bytes:
        """So many bytes, or what is left."""

    def readline(self, size: int, /) -> bytes:
        """A line with its end, or so many bytes of it."""

    def close(self) -> None:
        """Give the file back."""


_SPLIT_BY = {",": "a comma", "\t": "a tab"}


def refusal(file: Path, row: int, reason: str) -> UsageError:
    """The line that names the row and what is wrong with it."""
    return UsageError(f"{file}, row {row:,}: {reason}")


def suffix(file: Path) -> str:
    """What kind of table it is, by its name, packed or not."""
    name = file.name.lower().removesuffix(".gz")
    return Path(name).suffix


def records(file: Path) -> Numbered:
    """Every row by its columns' names, unchecked. Raises UsageError, naming the row."""
    reader = _READERS.get(suffix(file))
    if reader is None:
        raise UsageError(f"{file} is none of {', '.join(_READERS)}, or one of these with .gz")
    try:
        with closing(_opened(file)) as stream:
            yield from reader(file, stream)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise UsageError(f"{file} is no whole gzip file; pack it again") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None


def _opened(file: Path) -> Stream:
    return gzip.open(file) if file.name.lower().endswith(".gz") else file.open("rb")


def _lines(file: Path, stream: Stream) -> Iterator[str]:
    """Its lines with their ends. Raises UnicodeDecodeError, and UsageError when it is too long."""
    left, encoding = MOST_BYTES, "utf-8-sig"
    while line := stream.readline(left + 1):
        left -= len(line)
        if left < 0:
            raise _too_long(file)
        yield line.decode(encoding)
        encoding = "utf-8"  # a byte order mark is one at the start alone


def _too_long(file: Path) -> UsageError:
    return UsageError(
        f"{file} has more than {MOST_BYTES >> 20} MB, unpacked; train on a part of its rows"
    )


def _separated(separator: str, file: Path, stream: Stream) -> Numbered:
    csv.field_size_limit(4 * LONGEST_TEXT)  # of any column: what is used has a limit of its own
    rows = _parsed(file, csv.reader(_lines(file, stream), delimiter=separator, strict=True))
    _, header = next(rows, (1, []))
    _require_header(file, header, separator)
    for number, fields in rows:
        if len(fields) not in (0, len(header)):
            reason = f"{len(fields)} fields where the header has {len(header)}"
            raise refusal(file, number, f"{reason}; quote a text with {_SPLIT_BY[separator]} in it")
        if fields:
            yield number, dict(zip(header, fields, strict=True))


def _parsed(file: Path, rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    number = 0
    while True:
        number += 1
        try:
            fields = next(rows)
        except StopIteration:
            return
        except UnicodeDecodeError:
            raise _not_utf8(file, number) from None
        except csv.Error as error:
            raise refusal(file, number, f"{error}; is a quote open?") from None
        yield number, fields


def _require_header(file: Path, header: Sequence[str], separator: str) -> None:
    if not header:
        raise refusal(file, 1, "there is no header with the columns' names")
    if len(header) == 1 and ";" in header[0]:
        raise refusal(file, 1, f"columns are parted by ; here; part them by {_SPLIT_BY[separator]}")
    if twice := [name for name, count in Counter(header).items() if count > 1]:
        raise refusal(file, 1, f"column {twice[0]!r} is there twice; rename one")


def _json_lines(file: Path, stream: Stream) -> Numbered:
    lines = _lines(file, stream)
    number = 0
    while True:
        number += 1
        try:
            line = next(lines)
        except StopIteration:
            return
        except UnicodeDecodeError:
            raise _not_utf8(file, number) from None
        if line.strip():
            yield number, _object(file, number, _json(file, line.rstrip(), f"row {number:,}"))


def _json_list(file: Path, stream: Stream) -> Numbered:
    content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise _too_long(file)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(file, content.count(b"\n", 0, error.start) + 1, "line") from None
    rows = _json(file, text, "line 1")
    if not isinstance(rows, list):
        raise UsageError(f"{file} holds no list; write [{{…}}, {{…}}], or one object per line")
    for number, row in enumerate(rows, 1):
        yield number, _object(file, number, row)


def _json(file: Path, text: str, where: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_repeats)
    except json.JSONDecodeError as error:
        if error.lineno > 1:
            where = f"line {error.lineno:,}"
        raise UsageError(
            f"{file}, {where}: no JSON: {error.msg} at character {error.colno}"
        ) from None
    except RecursionError:
        raise UsageError(f"{file}, {where}: nested too deeply; write flat objects") from None
    except ValueError as error:
        raise UsageError(f"{file}, {where}: {error}") from None


def _without_repeats(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a column is there twice; rename one")
    return found


def _object(file: Path, number: int, value: object) -> Record:
    if not isinstance(value, dict):
        raise refusal(file, number, 'is no object; write {"column": "value", …}')
    return value


def _not_utf8(file: Path, number: int, unit: str = "row") -> UsageError:
    return UsageError(f"{file}, {unit} {number:,}: is not UTF-8; save the file as UTF-8")


_READERS: Mapping[str, Callable[[Path, Stream], Numbered]] = {
    ".csv": partial(_separated, ","),
    ".tsv": partial(_separated, "\t"),
    ".jsonl": _json_lines,
    ".json": _json_list,
}
