"""The events of an answer that comes in pieces: text-generation-inference's, and OpenAI's."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final

from chorus_ui.errors import told

DONE: Final = "[DONE]"


async def texts(lines: AsyncIterator[str]) -> AsyncGenerator[str, None]:
    """Yield the text so far, whenever there is more of it. Raises GatewayError."""
    text = ""
    async for line in lines:
        data = line.removeprefix("data:").strip()
        if data in (line, "", DONE):  # no data, or none any more
            continue
        event = json.loads(data)
        if "error" in event:
            raise told(event["error"])
        piece = _piece(event)
        if piece:
            text += piece
            yield text


def _piece(event: dict[str, Any]) -> str:
    if "choices" in event:
        choices = event["choices"]
        return (choices[0].get("delta") or {}).get("content") or "" if choices else ""
    token = event.get("token") or {}
    return "" if token.get("special") else token.get("text") or ""
