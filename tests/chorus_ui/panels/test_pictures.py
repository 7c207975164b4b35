"""What is drawn over images."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from chorus_ui.panels import pictures

RED, GREY = (255, 0, 0), (128, 128, 128)


def saved(folder: Path, image: Image.Image, name: str = "image.png", **options: Any) -> str:
    path = folder / name
    image.save(path, **options)
    return str(path)


def encoded(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_images_of_any_mode_are_shown_in_colour(tmp_path: Path, mode: str) -> None:
    shown = pictures.opened(saved(tmp_path, Image.new(mode, (40, 30))))
    assert (shown.image.mode, shown.image.size, shown.scale) == ("RGB", (40, 30), 1)


@pytest.mark.parametrize("name", ["photo.jpg", "photo.gif", "photo.webp", "photo.tiff"])
def test_formats(tmp_path: Path, name: str) -> None:
    mode = "CMYK" if name.endswith(("jpg", "tiff")) else "RGB"
    assert pictures.opened(saved(tmp_path, Image.new(mode, (40, 30)), name)).image.mode == "RGB"


def test_a_photo_is_shown_upright_as_the_model_sees_it(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    path = saved(tmp_path, Image.new("RGB", (40, 30)), "photo.jpg", exif=exif)
    assert pictures.opened(path).image.size == (30, 40)


def test_a_large_image_is_shown_smaller_and_its_boxes_with_it(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.new("RGB", (5120, 100), GREY))
    shown = pictures.opened(path)
    assert (shown.image.width, shown.scale) == (1280, 0.25)
    drawn = pictures.boxes(shown, [{"xmin": 2560, "ymin": 0, "xmax": 5119, "ymax": 99}])
    colour = drawn.getpixel((1279, 20))
    assert colour == (0xE6, 0x9F, 0x00)
    assert drawn.getpixel((320, 12)) == GREY


@pytest.mark.parametrize(
    "box",
    [(-50, -50, -10, -10), (30, 20, 10, 10), (0, 0, 0, 0), (35, 25, 900, 900)],
    ids=["outside", "inverted", "empty", "beyond"],
)
def test_boxes_that_make_no_sense_break_nothing(box: tuple[int, int, int, int]) -> None:
    shown = pictures.Shown(Image.new("RGB", (40, 30)), 1)
    found = dict(zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    assert pictures.boxes(shown, [found]).size == (40, 30)


def test_a_mask_colours_what_it_covers_and_leaves_the_rest() -> None:
    mask = Image.new("L", (4, 4))
    mask.paste(255, (0, 0, 2, 4))
    shown = pictures.Shown(Image.new("RGB", (8, 8), GREY), 1)
    drawn = pictures.masked(shown, [encoded(mask)])
    assert drawn.getpixel((7, 7)) == GREY
    assert drawn.getpixel((0, 0)) == (189, 146, 51)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "I;16"])
def test_grey_images_of_any_depth_are_read(mode: str) -> None:
    assert pictures.grey(encoded(Image.new(mode, (4, 3), 1))).size == (4, 3)


def test_deep_greys_keep_their_order() -> None:
    deep = Image.fromarray(np.array([[0, 1000, 65535]], dtype=np.uint16))
    assert list(pictures.grey(encoded(deep)).get_flattened_data()) == [0, 3, 255]


def test_numbers_are_blue_below_zero_and_red_above() -> None:
    drawn = np.asarray(pictures.diverging(np.array([[-1.0, 0.0, 1.0]])))[0]
    low, middle, high = drawn.tolist()
    assert low[2] > low[0]
    assert len(set(middle)) == 1
    assert high[0] > high[2]
