"""One input of each kind from what a request holds: checked, decoded, ready for its pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidRequest
from . import media
from .tasks import Input, Task

MAX_MESSAGES = 1000
MAX_CELLS = 100_000
# What they were called elsewhere: Hugging Face's own clients, and pipelines' parameters.
_SYNONYMS = {
    "table-question-answering": {"question": "query"},
    "image-text-to-text": {"image": "images", "inputs": "images", "prompt": "text"},
}
# What transformers 4.41 wrote a conversation as, and hg_conversation still does.
_CONVERSATION = {"uuid", "past_user_inputs", "generated_responses", "new_user_input"}


@dataclass
class Reader:
    """Reads the inputs of one request, within its limits."""

    task: Task
    chars: int
    """Most characters of one input, all its texts together."""
    budget: media.Budget
    sampling_rate: int

    def read(self, value: Any, field: str) -> Any:
        """One input. Raises InvalidRequest."""
        return _READERS[self.task.takes](self, value, field)

    def text(self, value: Any, field: str) -> str:
        """A text that a tokenizer can take."""
        if not isinstance(value, str):
            raise InvalidRequest(field, "must be a text")
        if len(value) > self.chars:
            raise InvalidRequest(field, f"longer than {self.chars} characters")
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise InvalidRequest(field, "holds half a surrogate pair, which is no text")
        return value

    def image(self, value: Any, field: str) -> Any:
        """An image, not yet decoded."""
        return media.image(value, field, self.budget)

    def audio(self, value: Any, field: str) -> Any:
        """A recording, not yet decoded, at the model's rate."""
        return media.recording(value, field, self.budget, self.sampling_rate)

    def classified(self, value: Any, field: str) -> Any:
        """A text; for text-classification also {text, text_pair}."""
        if isinstance(value, dict) and self.task.name == "text-classification":
            if not {"text"} <= set(value) <= {"text", "text_pair"}:
                raise InvalidRequest(field, "must hold text, may hold text_pair, and nothing else")
            return {key: self.text(part, f"{field}.{key}") for key, part in value.items()}
        return self.text(value, field)

    def prompt(self, value: Any, field: str) -> Any:
        """A text or a chat."""
        return self.text(value, field) if isinstance(value, str) else self.chat(value, field)

    def chat(self, value: Any, field: str) -> Any:
        """Messages {role, content}, or one text of a user."""
        if isinstance(value, str):
            value = [{"role": "user", "content": value}]
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_MESSAGES:
            raise InvalidRequest(field, f"must be a list of 1 to {MAX_MESSAGES} messages")
        chat = [self._message(message, f"{field}[{i}]") for i, message in enumerate(value)]
        if sum(len(m["content"]) for m in chat if isinstance(m["content"], str)) > self.chars:
            raise InvalidRequest(field, f"longer than {self.chars} characters")
        return chat

    def conversation(self, value: Any, field: str) -> Any:
        """A chat, or what transformers 4.41 had for one, which is answered in its own form."""
        if isinstance(value, dict) and set(value) == _CONVERSATION:
            self.text(value["uuid"], f"{field}.uuid")
            self.chat(_messages(value, field), field)
            return value
        return self.chat(value, field)

    def _message(self, message: Any, field: str) -> dict[str, Any]:
        if not isinstance(message, dict) or set(message) != {"role", "content"}:
            raise InvalidRequest(field, "must be an object with role and content")
        role, said = self.text(message["role"], f"{field}.role"), message["content"]
        if isinstance(said, list) and "images" in self.task.fields:
            parts = [self._part(part, f"{field}.content[{i}]") for i, part in enumerate(said)]
            return {"role": role, "content": parts}
        return {"role": role, "content": self.text(said, f"{field}.content")}

    def _part(self, part: Any, field: str) -> dict[str, Any]:
        """A text or an image within a message; what is built here holds no URL or path."""
        match part:
            case {"type": "text", "text": said}:
                return {"type": "text", "text": self.text(said, f"{field}.text")}
            case {"type": "image_url", "image_url": {"url": data}}:
                return {"type": "image", "image": self.image(data, f"{field}.image_url.url")}
            case {"type": "image", "image": data} | {"type": "image", "url": data}:
                return {"type": "image", "image": self.image(data, f"{field}.image")}
        raise InvalidRequest(field, "must be {type: text, text} or {type: image, image}")

    def ranking(self, value: Any, field: str) -> list[str]:
        """A query and a text."""
        if not isinstance(value, list) or len(value) != 2:
            raise InvalidRequest(field, "must be a list of a query and a text")
        return [self.text(part, f"{field}[{i}]") for i, part in enumerate(value)]

    def record(self, value: Any, field: str) -> Any:
        """An object with the task's own keys, or a chat where the task takes one."""
        task = self.task
        if isinstance(value, list) and "images" in task.fields:
            return self.chat(value, field)
        if not isinstance(value, dict):
            raise InvalidRequest(field, f"must be an object with {', '.join(task.fields)}")
        synonyms = _SYNONYMS.get(task.name, {})
        made = {}
        for key, part in value.items():
            name = synonyms.get(key, key) if isinstance(key, str) else key
            if name not in task.fields or name in made:
                known = ", ".join(task.fields)
                raise InvalidRequest(field, f"holds a key that is unknown or twice; known: {known}")
            made[name] = self._member(name, part, f"{field}.{name}")
        for name in task.fields:
            if name not in made and name not in task.optional:
                raise InvalidRequest(field, f"{name} is missing")
        return made

    def _member(self, name: str, value: Any, field: str) -> Any:
        match name:
            case "image":
                return self.image(value, field)
            case "images":
                several = value if isinstance(value, list) else [value]
                return [self.image(one, f"{field}[{i}]") for i, one in enumerate(several)]
            case "table":
                return self._table(value, field)
            case "word_boxes":
                return _word_boxes(value, field)
            case "sentences":
                if not isinstance(value, list) or not 1 <= len(value) <= MAX_MESSAGES:
                    raise InvalidRequest(field, f"must be a list of 1 to {MAX_MESSAGES} texts")
                return [self.text(one, f"{field}[{i}]") for i, one in enumerate(value)]
        return self.text(value, field)

    def _table(self, value: Any, field: str) -> dict[str, list[str]]:
        """Columns of equal length by name; numbers become texts, which is all that models take."""
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            value = {name: [row.get(name, "") for row in value] for name in value[0]}
        if not isinstance(value, dict) or not value:
            raise InvalidRequest(field, "must be an object of columns")
        if not all(isinstance(column, list) and column for column in value.values()):
            raise InvalidRequest(field, "every column must be a list that is not empty")
        if len({len(column) for column in value.values()}) != 1:
            raise InvalidRequest(field, "the columns are not of equal length")
        if sum(len(column) for column in value.values()) > MAX_CELLS:
            raise InvalidRequest(field, f"more than {MAX_CELLS} cells")
        return {
            str(name): [self.text(_cell(cell), f"{field} (a cell)") for cell in column]
            for name, column in value.items()
        }


def _cell(cell: Any) -> Any:
    return str(cell) if isinstance(cell, int | float) else cell


def _word_boxes(value: Any, field: str) -> list[Any]:
    """[[word, [x0, y0, x1, y1]], …], boxes in thousandths of the page."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_CELLS:
        raise InvalidRequest(field, "must be a list of [word, [x0, y0, x1, y1]]")
    for i, pair in enumerate(value):
        match pair:
            case [str(), [int(), int(), int(), int()] as box] if all(0 <= x <= 1000 for x in box):
                continue
        raise InvalidRequest(f"{field}[{i}]", "must be [word, [x0, y0, x1, y1]], each 0 to 1000")
    return value


def _messages(old: dict[str, Any], field: str) -> list[dict[str, Any]]:
    said, replied = old["past_user_inputs"], old["generated_responses"]
    if not isinstance(said, list) or not isinstance(replied, list) or len(said) != len(replied):
        raise InvalidRequest(field, "past_user_inputs and generated_responses must pair up")
    messages = []
    for user, assistant in zip(said, replied, strict=True):
        messages += [
            {"role": "user", "content": user},
            {"role": "assistant", "content": assistant},
        ]
    return [*messages, {"role": "user", "content": old["new_user_input"]}]


_READERS: dict[Input, Callable[[Reader, Any, str], Any]] = {
    Input.TEXT: Reader.classified,
    Input.PROMPT: Reader.prompt,
    Input.CHAT: Reader.conversation,
    Input.PAIR: Reader.record,
    Input.RANKING: Reader.ranking,
    Input.IMAGE: Reader.image,
    Input.AUDIO: Reader.audio,
    Input.RECORD: Reader.record,
}
