"""Image files into pixels: their size is known first, from the header alone, then they are decoded.

By Pillow's decoders, and of them only those of `formats.IMAGES`; none starts another program.
"""

import io
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from PIL import Image

from chorus_http.media.bare import bare
from chorus_http.media.errors import Damaged, MediaError, TooManyPixels
from chorus_http.media.formats import image_format
from chorus_http.media.orientation import orientation

# What Pillow warns of is a file's fault, and a caller must not be able to fill the log with it. Of
# too many pixels it warns as well; the bound that counts is ours.
warnings.filterwarnings("ignore", module=r"PIL\.")

LEAST: Final = 1024  # pixels that an image counts for: what is around them takes memory as well
KEPT: Final = 4  # bytes of a pixel in RGB, as Pillow keeps it
PER_PIXEL: Final = 12  # of every image of a request: itself, and twice what it is encoded to
IN_WORK: Final = 16  # more of the one that is being decoded; lossless WebP takes most

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class OpenedImage:
    """An image of which only the header has been read."""

    data: bytes
    format: str
    pixels: int
    orientation: int

    def decode(self) -> Image.Image:
        """The first frame, upright and in RGB, as `transformers.image_utils.load_image` has it.

        It carries nothing but its pixels, and the format PNG for whoever encodes it. Raises
        Damaged.
        """
        try:
            image = _first_frame(self)
        except Exception:  # decoders raise nearly everything on a broken file
            raise Damaged("the image is broken or cut off") from None
        turn = _TURNS.get(self.orientation)
        image = image if turn is None else image.transpose(turn)
        image.info.clear()
        image.format = "PNG"
        return image


def open_image(data: bytes, max_pixels: int) -> OpenedImage:
    """Read an image's header. Raises UnknownFormat, Damaged, TooManyPixels."""
    name = image_format(data)
    plain = bare(data, name)
    try:
        with Image.open(io.BytesIO(plain.data), formats=[name]) as file:
            pixels = file.width * file.height
    except Image.DecompressionBombError:
        raise _too_large(max_pixels) from None
    except Exception:
        raise Damaged("the image is broken or cut off") from None
    if pixels > max_pixels:
        raise _too_large(max_pixels)
    return OpenedImage(plain.data, name, pixels, orientation(plain.exif, plain.xmp))


def memory(pixels: Iterable[int]) -> int:
    """Most bytes that images of so many pixels take together, decoded one after the other."""
    sizes = [max(size, LEAST) for size in pixels]
    return PER_PIXEL * sum(sizes) + IN_WORK * max(sizes, default=0)


def memory_kept(pixels: Iterable[int]) -> int:
    """Bytes that images of so many pixels take, decoded."""
    return KEPT * sum(max(size, LEAST) for size in pixels)


def _first_frame(opened: OpenedImage) -> Image.Image:
    """A copy, so that the decoder and its buffers are gone before the image is turned."""
    with Image.open(io.BytesIO(opened.data), formats=[opened.format]) as file:
        return file.convert("RGB")


def _too_large(max_pixels: int) -> MediaError:
    return TooManyPixels(f"the image must have at most {max_pixels} pixels")
