"""What a parameter may be, in words and in code; one Check per kind of value."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from chorus_gateway.errors import BadInput

T = TypeVar("T")


def _same(value: T) -> T:
    return value


@dataclass(frozen=True)
class Check:
    """One kind of value; `expected` completes the sentence "it must be …"."""

    expected: str
    accepts: Callable[[Any], bool]
    tidy: Callable[[Any], Any] = _same
    """Writes several spellings of one value in one way."""
    from_query: Callable[[str], Any] = _same
    """Reads what a query string, which knows only text, says."""
    nullable: bool = False
    """Whether null is a value of its own; elsewhere it asks for the default."""

    def require(self, value: Any, field: str) -> Any:
        """Return the value, tidied. Raises BadInput, which names the field."""
        if value is None and self.nullable:
            return None
        if not self.accepts(value):
            raise BadInput(f"{field} must be {self.expected}")
        return self.tidy(value)


Parameters = Mapping[str, Check]  # what a task knows, by name


def whole(least: int | None = None, most: int | None = None, *, nullable: bool = False) -> Check:
    """A whole number; a bool is one to Python and to nobody else."""

    def accepts(value: Any) -> bool:
        return (
            isinstance(value, int) and not isinstance(value, bool) and _within(value, least, most)
        )

    words = f"a whole number{_range(least, most)}{' or null' if nullable else ''}"
    return Check(words, accepts, from_query=_reader(int), nullable=nullable)


def number(least: float | None = None, most: float | None = None) -> Check:
    """A finite number."""

    def accepts(value: Any) -> bool:
        real = isinstance(value, int | float) and not isinstance(value, bool)
        return real and -math.inf < value < math.inf and _within(value, least, most)

    return Check(f"a number{_range(least, most)}", accepts, from_query=_reader(float))


def choice(*values: str) -> Check:
    """One of a few words."""
    return Check(f"one of {', '.join(values)}", lambda value: value in values)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)


def _split(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [part.strip() for part in value.split(",")]


def _is_labels(value: Any) -> bool:
    return (isinstance(value, str) or _is_texts(value)) and all(_split(value))


TEXT = Check("a string", lambda value: isinstance(value, str))
BOOL = Check(
    "true or false",
    lambda value: isinstance(value, bool),
    from_query=lambda text: {"true": True, "1": True, "false": False, "0": False}.get(
        text.lower(), text
    ),
)
TEXTS = Check(
    "a string or a list of strings, not empty",
    lambda value: isinstance(value, str) or _is_texts(value),
    tidy=lambda value: [value] if isinstance(value, str) else value,
)
LABELS = Check(
    "a list of labels, or one string with commas between them, not empty", _is_labels, tidy=_split
)
LIST = Check("a list", lambda value: isinstance(value, list))
BOOL_OR_TEXT = Check(
    "true, false or a string",
    lambda value: isinstance(value, bool | str),
    from_query=BOOL.from_query,
)


def _reader(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def from_query(text: str) -> Any:
        try:
            return read(text)
        except ValueError:
            return text  # not what is expected; the check says so

    return from_query


def _within(value: float, least: float | None, most: float | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)


def _range(least: float | None, most: float | None) -> str:
    if most is None:
        return "" if least is None else f" of at least {least}"
    return f" from {least} to {most}"
