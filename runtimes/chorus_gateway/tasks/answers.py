"""How the result of one input looks, and how the response shapes present it."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from chorus_gateway.errors import UpstreamInvalid

JAVASCRIPT = "@huggingface/inference"
# Until 1.2, huggingface_hub read zero-shot answers as one object; since then as a list.
LISTS_SINCE = (1, 2)


class Batch(Enum):
    """What a batch of one looks like in the shape B of `shapes.Shape`."""

    WRAPPED = "a list with the one result"
    FLAT = "the result itself where it is a list, else a list with it"
    BARE = "the result itself"


@dataclass(frozen=True)
class Answer:
    """The results of a task. One input's is a list (`many`) or one object."""

    many: bool = False
    many_with: str | None = None
    """A parameter which, above 1, makes a list of what is one object otherwise."""
    key: str | None = None
    """The one field of the object; servers that answer with its bare value are understood too."""
    batch: Batch = Batch.WRAPPED
    lone: str | None = None
    """Lists of one are presented as their element in a batch, unless this parameter is given."""
    images: tuple[str, ...] = ()
    """Fields that hold an image."""
    for_client: Callable[[Any, str], Any] = lambda result, user_agent: result
    """What Hugging Face's clients want to read of one result; they differ by User-Agent."""
    wrap_for_client: bool = False
    """Whether they want a list even for one input."""
    sound: str | None = None
    """The field with a WAV file, of which they want nothing but its bytes."""

    def normal(self, result: Any, parameters: Mapping[str, Any]) -> Any:
        """Bring one input's result into the form that this task has. Raises UpstreamInvalid."""
        if self._is_list(parameters):
            result = [result] if isinstance(result, dict) else result
            right = isinstance(result, list)
        elif self.key is not None:
            result = result if isinstance(result, dict) else {self.key: result}
            right = isinstance(result.get(self.key), list | int | float)
        else:
            result = result[0] if isinstance(result, list) and len(result) == 1 else result
            right = isinstance(result, dict)
        if not right:
            raise UpstreamInvalid("a result is not what this task answers")
        return result

    def _is_list(self, parameters: Mapping[str, Any]) -> bool:
        return self.many or (
            self.many_with is not None and (parameters.get(self.many_with) or 1) > 1
        )

    def in_batch(self, results: list[Any], parameters: Mapping[str, Any]) -> list[Any]:
        """The results of several inputs, one element each."""
        lists_of_one = all(isinstance(result, list) and len(result) == 1 for result in results)
        if self.lone is not None and self.lone not in parameters and lists_of_one:
            return [result[0] for result in results]
        return results

    def batch_of_one(self, result: Any, parameters: Mapping[str, Any]) -> Any:
        """The shape B of a single input."""
        match self.batch:
            case Batch.BARE:
                return result
            case Batch.FLAT:
                return result if isinstance(result, list) else [result]
            case Batch.WRAPPED:
                return self.in_batch([result], parameters)

    def file(self, result: dict[str, Any], sound: str) -> bytes:
        """The file in one result. Raises UpstreamInvalid."""
        try:
            return base64.b64decode(result[sound], validate=True)
        except (KeyError, TypeError, ValueError):
            raise UpstreamInvalid("a result holds no file") from None

    def client(self, result: Any, user_agent: str) -> Any:
        """The shape A of one input."""
        if isinstance(result, list):
            return self.for_client([self._plain(part) for part in result], user_agent)
        return self.for_client(self._plain(result), user_agent)

    def _plain(self, part: Any) -> Any:
        """Without nulls, which clients refuse where a field may be missing; images bare."""
        if not isinstance(part, dict):
            return part
        known = {field: value for field, value in part.items() if value is not None}
        images = {f: known[f] for f in self.images if isinstance(known.get(f), str)}
        return known | {f: image.rpartition("base64,")[2] for f, image in images.items()}


def labels_for_client(result: dict[str, Any], user_agent: str) -> Any:
    """Zero-shot classification: the object for old clients, labels with scores for all others."""
    version = re.search(r"hf_hub/(\d+)\.(\d+)", user_agent)
    if version and tuple(map(int, version.groups())) < LISTS_SINCE:
        return result
    labels, scores = result.get("labels"), result.get("scores")
    if not isinstance(labels, list) or not isinstance(scores, list) or len(labels) != len(scores):
        raise UpstreamInvalid("not as many scores as labels")
    return [{"label": label, "score": score} for label, score in zip(labels, scores, strict=True)]


def text_for_client(result: list[Any], user_agent: str) -> Any:
    """Image to text: the JavaScript client wants the object, all others the list."""
    return result[0] if JAVASCRIPT in user_agent and result else result


def scores_for_client(result: dict[str, Any], user_agent: str) -> Any:
    """Sentence similarity: the bare scores."""
    return result["similarities"]
