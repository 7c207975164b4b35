"""What may go wrong between the page and the gateway, as one line for whoever looks at the page."""

import json
from typing import Final

import httpx

LONGEST: Final = 400  # characters of the gateway's own words; a list of models may be endless

ADVICE: Final = {
    401: "The gateway asks for an API key: type yours into the box above.",
    403: "The gateway does not let this key do that",
    404: "The gateway does not serve that",
    413: "This is more than the gateway takes",
    429: "You are asking faster than the gateway lets you",
    502: "The model failed on this",
    503: "The gateway cannot answer right now",
    504: "The answer took too long",
}
"""What a status means here; the gateway's own words follow, except for 401."""


class GatewayError(Exception):
    """The gateway refused, failed or did not answer; the text is one line for the user."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        """The HTTP status; None where there was no answer."""


class Hint(Exception):
    """There is nothing to ask yet; the text says what to do. A panel's `request` may raise it."""


def refused(response: httpx.Response) -> GatewayError:
    """Say why the gateway answered as it did; the body of the response has been read."""
    status = response.status_code
    said = _said(response)
    advice = ADVICE.get(status)
    if status == 401 and advice:
        return GatewayError(advice, status)
    text = ": ".join(part for part in (advice, said) if part)
    text = text or f"The gateway answered {status}, which the page does not understand"
    return GatewayError(f"{text.rstrip('.')}.{_later(response)}", status)


def unanswered(error: httpx.TransportError) -> GatewayError:
    """Say that no answer came."""
    if isinstance(error, httpx.TimeoutException):
        return GatewayError("The gateway has not answered in time. Try again in a moment.")
    return GatewayError(
        "The gateway does not answer. Is `chorus serve` running? The page goes on trying."
    )


def told(error: object) -> GatewayError:
    """Say what an event of a stream tells of an error."""
    return GatewayError(f"The model stopped: {_line(str(error)).rstrip('.')}.")


def _said(response: httpx.Response) -> str:
    try:
        body = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return ""
    error = body.get("error") if isinstance(body, dict) else None
    return _line(error) if isinstance(error, str) else ""


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def _later(response: httpx.Response) -> str:
    seconds = response.headers.get("retry-after", "")
    if not seconds.isdecimal():
        return ""
    return f" Try again in {seconds} second{'' if seconds == '1' else 's'}."
