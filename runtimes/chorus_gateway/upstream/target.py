"""Which model on which server is meant."""

from dataclasses import dataclass

from chorus_gateway.outbound.text import Origin


@dataclass(frozen=True)
class Target:
    """A model somewhere: without an origin on our own servers, without a model whichever is there.

    Its parts are checked; nothing else ever becomes part of a URL.
    """

    origin: Origin | None
    model: str | None
    version: str | None = None

    @property
    def path(self) -> str:
        """The path of the model on its server."""
        if self.model is None:
            raise RuntimeError("this is a bug: the target names no model")
        version = f"/versions/{self.version}" if self.version else ""
        return f"/v2/models/{self.model}{version}"
