"""What every answer tells the browser: run our scripts alone, load nothing from elsewhere.

A text that reached the page as markup, past all escaping, could neither run a script nor send
anything away.
"""

import re
import secrets
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# gradio compiles the templates of its HTML component, which is eval to a browser. Pictures and
# sounds are also made in the browser.
POLICY: Final = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(self)",
}
PAGE: Final = "/"
SCRIPT: Final = re.compile(rb"<script(?=[\s>])")


class SafeHeaders:
    """ASGI middleware that adds them, and marks the scripts within the page as ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        nonce = secrets.token_urlsafe(16)
        if scope["type"] == "http" and scope["path"] == PAGE:
            send = _Marked(send, nonce)
            scope = _uncompressed(scope)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS | {"content-security-policy": POLICY.format(nonce=nonce)})
            await send(message)

        await self._app(scope, receive, with_headers)


class _Marked:
    """Sends a page whose scripts have the nonce."""

    def __init__(self, send: Send, nonce: str) -> None:
        self._send = send
        self._tag = b'<script nonce="%s"' % nonce.encode()
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = SCRIPT.sub(self._tag, self._body)
        headers = MutableHeaders(scope=self._start)
        if "content-length" in headers and body:  # an answer to HEAD has none
            headers["content-length"] = str(len(body))
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": body})


def _uncompressed(scope: Scope) -> Scope:
    headers = Headers(scope=scope).raw
    return {**scope, "headers": [one for one in headers if one[0] != b"accept-encoding"]}
