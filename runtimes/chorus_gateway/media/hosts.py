"""Which URLs the gateway goes to."""

from collections.abc import Iterable
from typing import Final

from yarl import URL

from chorus_gateway.errors import BadInput, UrlNotAllowed

LONGEST: Final = 2048  # characters; no image needs more

# One sentence whatever is asked for: it tells nobody which names exist.
REFUSAL: Final = "URLs are fetched only from the hosts listed in CHORUS_MEDIA_HOSTS"


class AllowedHosts:
    """The names that URLs may point to, each as itself or as `*.` and what it must end with."""

    def __init__(self, hosts: Iterable[str]) -> None:
        names = [host.lower() for host in hosts]
        self._exact = frozenset(name for name in names if not name.startswith("*."))
        self._endings = tuple(name[1:] for name in names if name.startswith("*."))

    def parse(self, text: str) -> URL:
        """Read an http(s) URL once and for all. Raises BadInput, UrlNotAllowed."""
        url = _parse(text)
        host = (url.host or "").lower()
        if url.user is not None or url.password is not None:
            raise UrlNotAllowed(REFUSAL)
        if host not in self._exact and not host.endswith(self._endings):
            raise UrlNotAllowed(REFUSAL)
        return url


def _parse(text: str) -> URL:
    plain = text.isascii() and text.isprintable() and not set(text) & set(" \\")
    if len(text) > LONGEST or not plain:
        raise BadInput(f"a URL must be at most {LONGEST} printable ASCII characters")
    try:
        url = URL(text)
        port = url.port
    except ValueError:
        raise BadInput("the URL of an image or a recording is not a URL") from None
    if url.scheme not in ("http", "https") or not url.host or not port:
        raise BadInput("the URL of an image or a recording must be http or https")
    return url
