"""Pictures of answers: boxes and masks over an image, depths, and numbers as colours."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont, ImageOps

LONGEST: Final = 1280
"""Pixels of a picture's longer side: what a screen shows."""

# Okabe and Ito's, which people who are colour-blind tell apart, without black.
COLOURS: Final = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
DARK: Final = "#0072b2"  # white is easier to read on it than black
BLUE, PALE, RED = np.array((33, 102, 172)), np.array((247, 247, 247)), np.array((178, 24, 43))


@dataclass(frozen=True)
class Shown:
    """An image as the model saw it, upright and in RGB, but of a size for the screen."""

    image: Image.Image
    scale: float
    """Its pixels for each of the file's."""


def colour(index: int) -> str:
    """The colour of what is drawn as number `index`."""
    return COLOURS[index % len(COLOURS)]


def opened(path: str) -> Shown:
    """Read an image that the gateway has read, too."""
    with Image.open(path) as file:
        whole = file.size
        file.draft("RGB", (LONGEST, LONGEST))  # spares most of the work of a large JPEG
        image = ImageOps.exif_transpose(file).convert("RGB")
    image.thumbnail((LONGEST, LONGEST))
    return Shown(image, max(image.size) / max(whole))


def boxes(shown: Shown, found: Sequence[dict[str, int]]) -> Image.Image:
    """Draw numbered boxes, `{"xmin", "ymin", "xmax", "ymax"}` in the file's pixels."""
    image = shown.image.copy()
    draw, width = ImageDraw.Draw(image), max(2, max(image.size) // 250)
    font = ImageFont.load_default(max(12, max(image.size) // 40))
    for index, box in reversed(list(enumerate(found))):
        x0, x1 = sorted(box[side] * shown.scale for side in ("xmin", "xmax"))
        y0, y1 = sorted(box[side] * shown.scale for side in ("ymin", "ymax"))
        draw.rectangle((x0, y0, x1, y1), outline=colour(index), width=width)
        _numbered(draw, (x0, y0), index, font)
    return image


def _numbered(draw: ImageDraw.ImageDraw, place: tuple[float, float], index: int, font: Any) -> None:
    """Write a number on its colour, within the picture even where the box is not."""
    x, y = max(place[0], 0), max(place[1], 0)
    text = f" {index + 1} "
    draw.rectangle(draw.textbbox((x, y), text, font), fill=colour(index))
    draw.text((x, y), text, "white" if colour(index) == DARK else "black", font)


def masked(shown: Shown, masks: Sequence[str]) -> Image.Image:
    """Lay masks, base64 of grey images, over the image, each in its colour."""
    pixels = np.asarray(shown.image, dtype=np.float64)
    for index, mask in enumerate(masks):
        covers = grey(mask).resize(shown.image.size, Image.Resampling.NEAREST)
        share = np.asarray(covers, dtype=np.float64)[:, :, None] / 255 * 0.6
        pixels = pixels * (1 - share) + np.array(ImageColor.getrgb(colour(index))) * share
    return Image.fromarray(pixels.astype(np.uint8))


def grey(encoded: str) -> Image.Image:
    """Read an image of one channel, whatever the depth of its pixels. Raises ValueError."""
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as file:
        numbers = np.asarray(file.convert("F") if file.mode.startswith("I") else file.convert("L"))
    most = float(numbers.max(initial=0))
    return Image.fromarray((numbers * (255 / most if most > 255 else 1)).astype(np.uint8))


def diverging(numbers: NDArray[np.float64]) -> Image.Image:
    """Numbers from -1 to 1 as colours, a pixel each: blue, pale at 0, red."""
    share = np.clip(numbers, -1, 1)[:, :, None]
    mixed = PALE + np.where(share < 0, -share * (BLUE - PALE), share * (RED - PALE))
    return Image.fromarray(mixed.astype(np.uint8))
