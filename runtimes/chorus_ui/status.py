"""The line below an answer: how long it took and which weights gave it, or what went wrong."""

from html import escape
from typing import Final

from chorus_ui.gateway import Answer

STANDIN: Final = "a stand-in answered"


def answered(answer: Answer) -> str:
    """Write the line of an answer, as HTML."""
    parts = [milliseconds(answer.seconds)]
    if answer.weights == "standin":
        parts.append(STANDIN)
    elif answer.weights:
        parts.append(f"weights: {answer.weights}")
    return _line(" · ".join(parts), "answered")


def hinted(text: str) -> str:
    """Write what to do first, as HTML."""
    return _line(text, "hint")


def failed(text: str) -> str:
    """Write what went wrong, as HTML."""
    return _line(text, "error")


def milliseconds(seconds: float) -> str:
    """Write a time with as many digits as matter: `3.4 ms`, `120 ms`, `2.3 s`."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _line(text: str, kind: str) -> str:
    return f'<p class="chorus-status chorus-{kind}">{escape(text)}</p>'
