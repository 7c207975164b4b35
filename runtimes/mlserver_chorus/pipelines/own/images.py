"""Images as the vision tasks take them."""

from __future__ import annotations

from typing import Any

from PIL import Image


def rgb(value: Any) -> Image.Image:
    """The image in RGB. Raises ValueError for a string, which could name a file or an address."""
    if not isinstance(value, Image.Image):
        raise ValueError("the image must be sent as an image, not as a name or an address")
    return value.convert("RGB")
