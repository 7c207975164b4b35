"""What a caller may write in a request for completions; what cannot be done is refused by name."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from chorus_gateway.errors import BadInput
from chorus_gateway.tasks.checks import BOOL, TEXTS, Check, number, whole
from chorus_gateway.tasks.request import TaskRequest, parse
from chorus_gateway.tasks.task import Task

MOST_CHOICES: Final = 10  # each is a generation of its own


def _are_messages(value: Any) -> bool:
    messages = value if isinstance(value, list) else []
    return bool(messages) and all(isinstance(one, dict) and "role" in one for one in messages)


COMMON: Final[Mapping[str, Check]] = {
    "max_tokens": whole(1),
    "temperature": number(0, 2),
    "top_p": number(0, 1),
    "n": whole(1, MOST_CHOICES),
    "stop": TEXTS,
    "seed": whole(0),
    "stream": BOOL,
    "stream_options": Check("an object", lambda value: isinstance(value, dict)),
}
COMPLETION: Final[Mapping[str, Check]] = {**COMMON, "prompt": TEXTS, "echo": BOOL}
CHAT: Final[Mapping[str, Check]] = {
    **COMMON,
    "max_completion_tokens": whole(1),
    "messages": Check("a list of messages, each with its role", _are_messages),
}

IGNORED: Final = frozenset(
    {"model", "user", "store", "metadata", "service_tier", "safety_identifier", "prompt_cache_key"}
)

# What cannot be done here, each with the values that ask for nothing.
NEUTRAL: Final[Mapping[str, tuple[Any, ...]]] = {
    "best_of": (1,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "parallel_tool_calls": (True, False),
    "presence_penalty": (0,),
    "response_format": ({"type": "text"},),
    "suffix": ("",),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
}


@dataclass(frozen=True)
class Completion:
    """A request: one TaskRequest per choice, `n` for each prompt, and how to answer."""

    choices: list[TaskRequest]
    n: int
    echoed: list[str]
    """What stands before the text of each choice: its prompt, if that is wanted, or nothing."""
    stop: tuple[str, ...]
    stream: bool
    include_usage: bool


def read_completion(task: Task, body: object) -> Completion:
    """Read the body of /v1/completions. Raises BadInput."""
    given = _read(body, COMPLETION)
    prompts = _require(given, "prompt")
    completion = _completion(task, given, prompts)
    if not given.get("echo"):
        return completion
    return replace(completion, echoed=[one for one in prompts for _ in range(given.get("n", 1))])


def read_chat(task: Task, body: object) -> Completion:
    """Read the body of /v1/chat/completions. Raises BadInput."""
    given = _read(body, CHAT)
    messages = [_plain(one, index) for index, one in enumerate(_require(given, "messages"))]
    return _completion(task, given, [messages])


def _completion(task: Task, given: Mapping[str, Any], prompts: list[Any]) -> Completion:
    if not task.streams:
        raise BadInput(f"this model's task is {task.name}; completions need text-generation")
    n = given.get("n", 1)
    if n * len(prompts) > MOST_CHOICES:
        raise BadInput(f"n: prompts times n must be at most {MOST_CHOICES}")
    requests = [
        parse(task, {"inputs": prompt, "parameters": _generation(given, index), "stream": True}, {})
        for prompt in prompts
        for index in range(n)
    ]
    options = given.get("stream_options", {})
    return Completion(
        requests,
        n,
        echoed=[""] * len(requests),
        stop=tuple(given.get("stop", ())),
        stream=given.get("stream", False),
        include_usage=options.get("include_usage") is True,
    )


def _generation(given: Mapping[str, Any], index: int) -> dict[str, Any]:
    """The parameters of one choice, as text generation knows them."""
    parameters: dict[str, Any] = {}
    tokens = given.get("max_completion_tokens", given.get("max_tokens"))
    if tokens is not None:
        parameters["max_new_tokens"] = tokens
    if "stop" in given:
        parameters["stop"] = given["stop"]
    if "seed" in given:  # the choices of one request are to differ, in the same way every time
        parameters["seed"] = given["seed"] + index
    if given.get("temperature") == 0:
        return parameters | {"do_sample": False}
    shaped = {name: given[name] for name in ("temperature", "top_p") if name in given}
    sampled = {"do_sample": True} if shaped or given.get("n", 1) > 1 else {}
    return parameters | shaped | sampled


def _read(body: object, known: Mapping[str, Check]) -> dict[str, Any]:
    """Check every field; null means the same as leaving it out."""
    if not isinstance(body, dict):
        raise BadInput(f"the body must be an object with {', '.join(known)}")
    given: dict[str, Any] = {}
    for name, value in body.items():
        if value is None or name in IGNORED:
            continue
        if name in NEUTRAL and value not in NEUTRAL[name]:
            raise BadInput(f"{name}: this server cannot do that; leave it out")
        if name in known:
            given[name] = known[name].require(value, name)
        elif name not in NEUTRAL:
            shown = name if name.isidentifier() and len(name) <= 64 else "?"
            raise BadInput(f"{shown}: unknown; known are {', '.join(known)}")
    return given


def _require(given: Mapping[str, Any], name: str) -> Any:
    if name not in given:
        raise BadInput(f"{name} is missing")
    return given[name]


def _plain(message: dict[str, Any], index: int) -> dict[str, Any]:
    """A message whose content, if it comes in parts, is joined; only texts can be."""
    if not isinstance(message.get("content"), list):
        return message
    texts = []
    for part in message["content"]:
        match part:
            case {"type": "text", "text": str(text)}:
                texts.append(text)
            case _:
                raise BadInput(f"messages[{index}].content: only parts of type text are understood")
    return {**message, "content": "".join(texts)}
