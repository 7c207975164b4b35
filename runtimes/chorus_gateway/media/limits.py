"""What an image or a recording may cost the gateway, and where it may be fetched from."""

from dataclasses import dataclass
from typing import Final

MOST_PIXELS: Final = 89_478_485  # a third of a GiB; max_pixels stays at or below


@dataclass(frozen=True)
class MediaLimits:
    """Bounds on the images and recordings of a request.

    `hosts` are those that URLs may point to, entries of `outbound.allowed`: with none, no URL is
    fetched. `networks` are those that hosts may be in beside the internet.
    """

    max_bytes: int = 16 << 20  # of each: a photograph of 30 megapixels, 15 minutes of MP3
    max_pixels: int = 1 << 25  # of each image: 33 megapixels, 100 MB once decoded
    max_request_pixels: int = 1 << 26  # of all together: a blank page packs 1000 to 1
    max_files: int = 1024  # in one request
    max_request_bytes: int = 32 << 20  # of all together, those by URL too
    max_decoded_bytes: int = 5 << 28  # of all requests; max_request_pixels take as much
    fetch_timeout: float = 10.0  # seconds for each, from the first packet to the last byte
    hosts: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
