"""What an image or a recording may cost the gateway, and where it may be fetched from."""

from dataclasses import dataclass
from typing import Final

MOST_PIXELS: Final = 89_478_485  # where Pillow refuses by itself; max_pixels stays at or below


@dataclass(frozen=True)
class MediaLimits:
    """Bounds on the images and recordings of a request.

    `hosts` are the names that URLs may point to: `images.example.com`, or `*.example.com` for
    every name below that one. With none, no URL is fetched.
    """

    max_bytes: int = 16 << 20  # of each: a photograph of 30 megapixels, 15 minutes of MP3
    max_pixels: int = 1 << 25  # of each image: 33 megapixels, 100 MB once decoded
    max_request_pixels: int = 100_000_000  # of all together: a blank page packs 1000 to 1
    fetch_timeout: float = 10.0  # seconds for each, from the first packet to the last byte
    hosts: tuple[str, ...] = ()
