"""The V2 (Open Inference) client: texts out, answers in, nothing taken on trust."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, TypedDict
from urllib.parse import quote

import orjson

from chorus_gateway import traces
from chorus_gateway.errors import (
    InputFailed,
    InputRefused,
    UpstreamBusy,
    UpstreamError,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamTimeout,
)
from chorus_gateway.upstream.reporting import report
from chorus_gateway.upstream.transport import Reply, Transport
from chorus_http.traces.context import CURRENT, MODEL

# The statuses with which a V2 server may speak about the content of a request.
ABOUT_THE_INPUT = frozenset({400, 413, 422})
ABOUT_THE_TEXT = "failed on this input"  # our model server's words, after a model's name
LEAST_SECONDS = 0.001  # to say to a model server that there is no time left


class Prediction(TypedDict):
    """One model's answer to one text."""

    score: float
    label: str


Answer = dict[str, Prediction]  # every model's answer to one text, in the order of the outputs


class V2Client:
    """Speaks V2 to one server, through a transport."""

    def __init__(
        self,
        transport: Transport,
        *,
        timeout: float,
        probe_timeout: float,
        on_error: Callable[[UpstreamError], None],
    ) -> None:
        self._transport = transport
        self._timeout = timeout
        self._probe_timeout = probe_timeout
        self._on_error = on_error

    async def infer(
        self, model: str, texts: Sequence[str], deadline: float | None = None
    ) -> list[Answer]:
        """Return one answer per text, by `deadline` on the clock of `monotonic`, if there is one.

        Raises every UpstreamError.
        """
        if call := CURRENT.get():
            call.note({MODEL: model})
        with self._reporting(model):
            left = None if deadline is None else max(deadline - monotonic(), LEAST_SECONDS)
            path = f"/v2/models/{quote(model, safe='')}/infer"
            body = encode_texts(texts, left)
            timeout = self._timeout if left is None else min(self._timeout, left)
            reply = await self._transport.request("POST", path, body, timeout)
            return decode_answers(json_of(reply), len(texts))

    async def ready(self, model: str) -> bool:
        """Ask whether the server is there and the model is ready."""
        path = f"/v2/models/{quote(model, safe='')}/ready"
        try:
            reply = await self._transport.request("GET", path, None, self._probe_timeout)
        except UpstreamError:
            return False
        return reply.status == 200

    async def metadata(self, model: str) -> dict[str, Any]:
        """Return what the server says of the model. Raises every UpstreamError."""
        path = f"/v2/models/{quote(model, safe='')}"
        with self._reporting(model), traces.asked(path):
            reply = await self._transport.request("GET", path, None, self._probe_timeout)
            return json_of(reply)

    @contextmanager
    def _reporting(self, model: str) -> Iterator[None]:
        try:
            yield
        except UpstreamError as error:
            report(model, error)
            self._on_error(error)
            raise


def encode_texts(texts: Sequence[str], seconds: float | None = None) -> bytes:
    """Write the V2 request that carries `texts`, to be answered in so many seconds."""
    tensor = {"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": texts}
    if seconds is None:
        return orjson.dumps({"inputs": [tensor]})
    return orjson.dumps({"inputs": [tensor], "parameters": {"timeout": int(seconds * 1e6)}})


def decode_answers(reply: dict[str, Any], count: int) -> list[Answer]:
    """Read `count` answers from the outputs <key>.label and <key>.score. Raises UpstreamInvalid."""
    columns = _columns(reply.get("outputs"), count)
    keys = list(dict.fromkeys(name.rpartition(".")[0] for name in columns))
    if not keys or set(columns) != {f"{key}.{part}" for key in keys for part in _PARTS}:
        raise UpstreamInvalid("the outputs are not pairs of label and score")
    predictions = [_predictions(columns[f"{k}.score"], columns[f"{k}.label"]) for k in keys]
    return [dict(zip(keys, row, strict=True)) for row in zip(*predictions, strict=True)]


# The type of an output's values by the end of its name; a whole score may come as an integer.
_PARTS: dict[str, tuple[str, frozenset[type]]] = {
    "label": ("BYTES", frozenset({str})),
    "score": ("FP32", frozenset({float, int})),
}


def _columns(outputs: object, count: int) -> dict[str, list[Any]]:
    """Check every output against its name and the number of texts."""
    columns: dict[str, list[Any]] = {}
    for output in outputs if isinstance(outputs, list) else []:
        match output:
            case {"name": str(name), "shape": [rows], "datatype": datatype, "data": list(data)}:
                expected, types = _PARTS.get(name.rpartition(".")[2], (None, frozenset()))
            case _:
                raise UpstreamInvalid("an output is not a flat tensor")
        if datatype != expected or rows != count or len(data) != count or name in columns:
            raise UpstreamInvalid("an output has the wrong name, type or size")
        if not types.issuperset(map(type, data)):
            raise UpstreamInvalid("an output has values of another type than it says")
        columns[name] = data
    return columns


def _predictions(scores: list[float], labels: list[str]) -> list[Prediction]:
    return [
        {"score": float(score), "label": label} for score, label in zip(scores, labels, strict=True)
    ]


def json_of(reply: Reply) -> dict[str, Any]:
    """Return the JSON object of a reply that says 200. Raises every UpstreamError."""
    if reply.status != 200:
        raise error_of(reply)
    try:
        content = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        raise UpstreamInvalid("the body is not JSON") from None
    if not isinstance(content, dict):
        raise UpstreamInvalid("the body is not a JSON object")
    return content


def error_of(reply: Reply) -> UpstreamError:
    """Put the server's status into the gateway's words."""
    what, message = f"status {reply.status}", _message(reply.body)
    if reply.status in (429, 503):
        return UpstreamBusy(what, _seconds(reply.retry_after), message)
    if reply.status == 504:
        return UpstreamTimeout(what, message=message)
    if reply.status in ABOUT_THE_INPUT:
        return InputRefused(reply.status, message)
    if 400 <= reply.status < 500:
        return UpstreamRefused(reply.status, message)
    if message.endswith(ABOUT_THE_TEXT):
        return InputFailed(what, message)
    return UpstreamFailed(what)


def _message(body: bytes) -> str:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    message = content.get("error") if isinstance(content, dict) else None
    return message if isinstance(message, str) else ""


def _seconds(retry_after: str | None) -> int | None:
    """Read Retry-After as seconds; a date, or more than an hour, is no advice to pass on."""
    if retry_after is None or not retry_after.isdecimal() or len(retry_after) > 4:
        return None
    return min(int(retry_after), 3600)
