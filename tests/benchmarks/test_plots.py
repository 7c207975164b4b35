"""Figures are drawn from the rows alone, and the same rows give the same picture."""

import json
from pathlib import Path

from benchmarks.__main__ import main

START = {"benchmark": "scaling", "weights": "standin", "machine": "2 cores", "commit": "abc"}


def write(path: Path) -> None:
    rows = [
        START
        | {"date": "2026-11-21", "axis": axis, "peer": peer, "value": value}
        | {"good_per_s": 10.0 * value, "good_per_s_range": [9.0 * value, 11.0 * value]}
        | {"p99_ms": 5.0}
        for axis in ("clients", "models")
        for peer in ("chorus", "stock")
        for value in (1, 2, 4)
    ]
    rows.append(START | {"axis": "clients", "value": None, "peer": "ray", "failure": "no"})
    rows.append({"benchmark": "peers", "good_per_s": 3.0})
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def test_each_axis_becomes_a_png_and_an_svg(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl")
    folder = tmp_path / "figures"
    command = ["plots", str(tmp_path / "rows.jsonl"), "--folder", str(folder)]
    assert main(command) == 0
    names = {"clients.png", "clients.svg", "models.png", "models.svg"}
    assert {path.name for path in folder.iterdir()} == names
    before = (folder / "clients.png").read_bytes()
    assert before.startswith(b"\x89PNG")
    assert main(command) == 0
    assert (folder / "clients.png").read_bytes() == before


def test_no_rows_no_figures(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("")
    command = ["plots", str(tmp_path / "rows.jsonl"), "--folder", str(tmp_path / "figures")]
    assert main(command) == 1
