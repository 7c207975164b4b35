"""Image files into pixels, by the few decoders that are needed and within a bound."""

import io
import math
import warnings
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from chorus_gateway.errors import BadInput, MediaTypeUnsupported

FORMATS: Final = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")

# Up to twice its own bound Pillow only warns. What else it warns of is a file's fault, and a caller
# must not be able to fill the log with it.
warnings.filterwarnings("ignore", module=r"PIL\.")
warnings.simplefilter("error", Image.DecompressionBombWarning)


def decode(data: bytes, max_pixels: int, left: float = math.inf) -> Image.Image:
    """Return the first frame, upright and in RGB, as `transformers.image_utils.load_image` does.

    It carries nothing but its pixels, and the format PNG for whoever encodes it. `left` is how many
    pixels its request may still have. Raises MediaTypeUnsupported for what is no image of FORMATS,
    BadInput for a broken or too large one.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as file:
            pixels = file.width * file.height  # known from the header alone
            if pixels > max_pixels:
                raise _too_large(max_pixels)
            if pixels > left:
                raise BadInput("the images of the request have too many pixels together")
            # Only the first frame is ever decoded, so the number of frames needs no bound.
            image = ImageOps.exif_transpose(file).convert("RGB")
    except BadInput:
        raise
    except UnidentifiedImageError:
        raise MediaTypeUnsupported(f"the image is none of {', '.join(FORMATS)}") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise _too_large(max_pixels) from None
    except Exception:  # decoders raise nearly everything on a broken file
        raise BadInput("the image is broken or cut off") from None
    image.info.clear()
    image.format = "PNG"
    return image


def _too_large(max_pixels: int) -> BadInput:
    return BadInput(f"the image must have at most {max_pixels} pixels")
