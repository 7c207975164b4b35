"""What a file may hold, and the row and reason where it holds something else."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from chorus.errors import UsageError
from chorus.training import records, table
from chorus.training.table import Example, read, require_trainable

CSV = 'title,map,topic\na lamp,"Light, warm",warm\nsnow,,cold\n'
EXAMPLES = (Example(2, "a lamp | Light, warm", "warm"), Example(3, "snow", "cold"))
OBJECTS = [
    {"title": "a lamp", "map": "Light, warm", "topic": "warm"},
    {"title": " snow ", "map": None, "topic": "cold", "more": [1]},
]
LONG = "x" * 100_001


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV.encode()),
        ("bom.csv", b"\xef\xbb\xbf" + CSV.encode()),
        ("windows.CSV", CSV.replace("\n", "\r\n").encode()),
        ("a.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("a.tsv", CSV.replace('"Light, warm"', "Light@ warm").replace(",", "\t").encode()),
    ],
)
def test_separated_rows_count_as_a_spreadsheet_shows_them(
    tmp_path: Path, name: str, content: bytes
) -> None:
    content = content.replace(b"@", b",")
    found = read(write(tmp_path, name, content), ("title", "map"), "topic")
    assert found.examples == EXAMPLES
    assert found.balance == {"cold": 1, "warm": 1}


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.json"])
def test_objects_are_rows(tmp_path: Path, name: str) -> None:
    lines = "\n".join(map(json.dumps, OBJECTS)) if "jsonl" in name else json.dumps(OBJECTS)
    content = gzip.compress(lines.encode()) if name.endswith(".gz") else lines.encode()
    found = read(write(tmp_path, name, content), ("title", "map"), "topic")
    assert [(one.text, one.label) for one in found.examples] == [
        (one.text, one.label) for one in EXAMPLES
    ]
    assert [one.row for one in found.examples] == [1, 2]


def test_a_quoted_text_over_two_lines_is_one_row(tmp_path: Path) -> None:
    content = 'title,topic\n"a\nlamp",warm\nsnow,\n'
    with pytest.raises(UsageError, match="row 3: topic is empty"):
        read(write(tmp_path, "a.csv", content), ("title",), "topic")


@pytest.mark.parametrize(
    ("value", "label"), [(3, "3"), (True, "true"), ("grün 🌱", "grün 🌱"), (" x ", "x")]
)
def test_labels_are_texts_or_whole_numbers(tmp_path: Path, value: object, label: str) -> None:
    content = json.dumps([{"title": "a", "topic": value}])
    assert list(read(write(tmp_path, "a.json", content), ("title",), "topic").balance) == [label]


BAD: list[tuple[str, str | bytes, str]] = [
    ("a.csv", "", "row 1: there is no header"),
    ("a.csv", "title,topic\n", "has no rows"),
    ("a.csv", "title,topic,title\na,b,c\n", "row 1: column 'title' is there twice"),
    ("a.csv", "name,topic\na,b\n", "has no column 'title'; its columns are name, topic"),
    ("a.csv", "title;topic\na;b\n", "row 1: columns are parted by ; here; part them by a comma"),
    ("a.csv", "title,topic\na,b\n,b\n", "row 3: title is empty"),
    ("a.csv", "title,topic\na,b\n\nc, \n", "row 4: topic is empty"),
    ("a.csv", "title,topic\na,b\nc\n", "row 3: 1 fields where the header has 2"),
    ("a.tsv", "title\ttopic\na\tb\tc\n", "row 2: 3 fields where the header has 2; quote a text"),
    ("a.csv", 'title,topic\na,b\n"c,b\n', "row 3: .*is a quote open?"),
    ("a.csv", b"title,topic\na,b\n\xff\xfe,b\n", "row 3: is not UTF-8"),
    ("a.csv", "title,topic\na,b\nc\0d,b\n", "row 3: title has NUL"),
    ("a.csv", f"title,topic\n{LONG},b\n", "row 2: title has 100,001 characters, and 100,000"),
    ("a.csv", f"title,topic\na,{'b' * 201}\n", "row 2: topic has 201 characters, and 200"),
    ("a.csv", f"title,topic\na,{'b' * 500_000}\n", "row 2: field larger than field limit"),
    ("a.jsonl", '{"title": "a", "topic": "b"}\n{"title": \n', "row 2: no JSON: .* at character"),
    ("a.jsonl", '{"title": "a", "title": "b"}\n', "row 1: a column is there twice"),
    ("a.jsonl", '{"title": "a", "topic": "b"}\n\n["c"]\n', "row 3: is no object"),
    ("a.jsonl", '{"title": "a", "topic": "b"}\n{"title": "c"}\n', "row 2: topic is empty"),
    ("a.jsonl", '{"title": 1.5, "topic": "b"}\n', "row 1: title is neither a text nor a whole"),
    ("a.jsonl", '{"title": "\\ud83d", "topic": "b"}\n', "row 1: title has NUL or half a char"),
    ("a.jsonl", b'{"title": "a", "topic": "b"}\n{"title": "\xe9"}\n', "row 2: is not UTF-8"),
    ("a.jsonl", "[" * 100_000, "row 1: nested too deeply"),
    ("a.jsonl", f'{{"title": "a", "topic": {"9" * 5000}}}', "row 1: .*4300 digits"),
    ("a.json", '{"title": "a"}', "holds no list"),
    ("a.json", '[{"title": "a",\n"topic" "b"}]', "line 2: no JSON: .* at character 9"),
    ("a.json", b'[\n"\xff"]', "line 2: is not UTF-8"),
    ("a.csv.gz", b"title,topic\na,b\n", "is no whole gzip file"),
    ("a.csv.gz", gzip.compress(b"title,topic\na,b\n" * 99, mtime=0)[:-20], "is no whole gzip file"),
    ("a.xlsx", b"PK", "is none of .csv, .tsv, .jsonl, .json, or one of these with .gz"),
]


@pytest.mark.parametrize(("name", "content", "reason"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_file_is_told_with_row_and_reason(
    tmp_path: Path, name: str, content: str | bytes, reason: str
) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(UsageError, match=reason) as refused:
        read(path, ("title",), "topic")
    message = str(refused.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert len(message) < 300 + len(str(path))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a\.csv cannot be read: No such file"):
        read(tmp_path / "a.csv", ("title",), "topic")


def test_a_column_is_named_once(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", CSV)
    for texts, label in ((("title", "title"), "topic"), (("title",), "title")):
        with pytest.raises(UsageError, match="each names a column of its own"):
            read(path, texts, label)


def test_what_is_unpacked_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MOST_BYTES", 1 << 20)
    bomb = gzip.compress(b"title,topic\n" + b"long text,b\n" * 100_000)
    for name in ("a.csv.gz", "a.jsonl.gz", "a.json.gz"):
        content = gzip.compress(b" " * (2 << 20)) if "json" in name else bomb
        with pytest.raises(UsageError, match="more than 1 MB, unpacked"):
            read(write(tmp_path, name, content), ("title",), "topic")


def test_rows_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_ROWS", 2)
    with pytest.raises(UsageError, match="more than 2 rows"):
        read(write(tmp_path, "a.csv", CSV + "c,,d\n"), ("title",), "topic")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["a,x", "b,x"], "every row has the same label"),
        (["a,x", "b,x", "c,y"], "row 4: no other row has its label"),
        ([f"a,{i}" for i in range(1001)], "has 1,001 labels, and 1,000 are the most"),
    ],
)
def test_labels_of_which_nothing_is_learnt_are_refused(
    tmp_path: Path, lines: list[str], reason: str
) -> None:
    path = write(tmp_path, "a.csv", "\n".join(["title,topic", *lines]))
    with pytest.raises(UsageError, match=reason):
        require_trainable(read(path, ("title",), "topic"))
