"""The gateway of Chorus in front of a V2 server that says the same of every text.

What is left is the cost of the front: HTTP, coalescing, and the call to the server behind.
"""

import argparse
import asyncio
import json
import os
import signal
import sys

import httptools
import uvloop

HOST = "127.0.0.1"
MODEL = {"name": "process", "platform": "constant", "inputs": [], "outputs": []}
LABELS = {
    "cardiffnlp": "NEUTRAL",
    "ivanlau": "English",
    "svalabs": "HAM",
    "EIStakovskii": "LABEL_0",
    "jy46604790": "LABEL_0",
}
SCORE = 0.5


class ConstantV2(asyncio.Protocol):
    """One connection: readiness and metadata of any model, and inference of any texts."""

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.url = b""
        self.body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where replies go."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Parse; the parser calls the methods below."""
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Take in the path."""
        self.url += url

    def on_body(self, body: bytes) -> None:
        """Take in a piece of the body."""
        self.body += body

    def on_message_complete(self) -> None:
        """Reply at once."""
        inferring = self.url.endswith(b"/infer")
        body = json.dumps(answers(self.body) if inferring else MODEL).encode()
        self.url = self.body = b""
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        self.transport.write(head.encode() + b"\r\n\r\n" + body)


def answers(request: bytes) -> dict[str, object]:
    """As many constant answers as the request has texts."""
    (rows,) = json.loads(request)["inputs"][0]["shape"]

    def tensor(name: str, datatype: str, value: str | float) -> dict[str, object]:
        return {"name": name, "shape": [rows], "datatype": datatype, "data": [value] * rows}

    outputs = []
    for key, label in LABELS.items():
        outputs += [tensor(f"{key}.label", "BYTES", label), tensor(f"{key}.score", "FP32", SCORE)]
    return {"model_name": "process", "outputs": outputs}


async def serve(port: int) -> int:
    """Serve until SIGTERM, or until the gateway ends; its exit status."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(ConstantV2, HOST, 0)
    upstream: int = server.sockets[0].getsockname()[1]
    settings = {
        "CHORUS_HOST": HOST,
        "CHORUS_PORT": str(port),
        "CHORUS_UPSTREAM": f"http://{HOST}:{upstream}",
        "CHORUS_DRAIN_DELAY": "0",
    }
    gateway = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chorus_gateway", env={**os.environ, **settings}
    )
    loop.add_signal_handler(signal.SIGTERM, gateway.terminate)
    return await gateway.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    sys.exit(uvloop.run(serve(parser.parse_args().port)))
