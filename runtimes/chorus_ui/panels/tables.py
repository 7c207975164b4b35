"""The tab that answers a question about a table."""

from __future__ import annotations

from collections.abc import Collection
from html import escape
from typing import Any, Final

import gradio as gr
import pandas as pd

from chorus_ui.panels import fields
from chorus_ui.panels.examples import texts
from chorus_ui.panels.form import Form
from chorus_ui.request import Request


def _request(question: str, table: pd.DataFrame) -> Request | None:
    if not question.strip() or table.empty:
        return None
    return Request(json={"inputs": {"query": question, "table": _columns(table)}})


def _columns(table: pd.DataFrame) -> dict[str, list[str]]:
    """The cells as texts by column; columns of one name differ by a number, as JSON needs it."""
    columns: dict[str, list[str]] = {}
    for index, name in enumerate(map(str, table.columns)):
        key = name if name and name not in columns else f"{name} {index + 1}".strip()
        columns[key] = ["" if pd.isna(cell) else str(cell) for cell in table.iloc[:, index]]
    return columns


def _show(value: dict[str, Any], question: str, table: pd.DataFrame) -> tuple[str, str]:
    marked = {tuple(cell) for cell in value.get("coordinates", ())}
    return str(value.get("answer", "")), _drawn(_columns(table), marked)


def _drawn(columns: dict[str, list[str]], marked: Collection[tuple[int, ...]]) -> str:
    head = "".join(f'<th dir="auto">{escape(name)}</th>' for name in columns)
    rows = "".join(
        "<tr>" + "".join(_cell(cell, (y, x) in marked) for x, cell in enumerate(row)) + "</tr>"
        for y, row in enumerate(zip(*columns.values(), strict=True))
    )
    table = f'<table class="chorus-table"><tr>{head}</tr>{rows}</table>'
    return f'<div class="chorus-scroll">{table}</div>'


def _cell(text: str, marked: bool) -> str:
    inside = f"<mark>{escape(text)}</mark>" if marked else escape(text)
    return f'<td dir="auto">{inside}</td>'


FORM: Final = Form(
    inputs=lambda: [
        fields.line("Question"),
        gr.Dataframe(
            value=texts.CITIES,
            label="Table",
            type="pandas",
            datatype="str",
            interactive=True,
            max_height=320,
        ),
    ],
    outputs=lambda: [fields.written(), fields.scores("Cells")],
    request=_request,
    show=_show,
    examples=texts.ABOUT_TABLES,
    button="Ask",
)
