"""The seam between those who call a model server and the network."""

from typing import NamedTuple, Protocol


class Reply(NamedTuple):
    """What came back; `retry_after` is the header of that name, if there was one."""

    status: int
    body: bytes
    retry_after: str | None = None


class Transport(Protocol):
    """Sends one request. Tests plug a fake in here."""

    async def open(self) -> None:
        """Get ready to send; called once, in the event loop."""

    async def close(self) -> None:
        """Let go of every connection."""

    async def request(self, method: str, path: str, body: bytes | None, timeout: float) -> Reply:
        """Return the reply, whatever its status.

        Raises UpstreamUnavailable, UpstreamTimeout, UpstreamInvalid.
        """
