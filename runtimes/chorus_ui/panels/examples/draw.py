"""The pictures of the examples: a cat, a street, fruit, and an invoice with a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from PIL import Image, ImageDraw, ImageFont

SIZE: Final = (320, 240)
INK: Final = "#2b2b33"


def cat() -> Image.Image:
    """A tabby's face on a cushion."""
    image, draw = _canvas("#dfe9e4")
    draw.ellipse((30, 170, 290, 290), fill="#7f6aa8")
    draw.polygon([(92, 92), (102, 22), (152, 66)], fill="#c98b4a")
    draw.polygon([(228, 92), (218, 22), (168, 66)], fill="#c98b4a")
    draw.polygon([(104, 76), (108, 40), (136, 64)], fill="#eab9a5")
    draw.polygon([(216, 76), (212, 40), (184, 64)], fill="#eab9a5")
    draw.ellipse((84, 52, 236, 204), fill="#d79a57")
    for left in (140, 156, 172):
        draw.rounded_rectangle((left, 58, left + 8, 92), 4, fill="#8f5a29")
    for left in (112, 176):
        draw.ellipse((left, 100, left + 32, 132), fill="#f2f0d8")
        draw.ellipse((left + 11, 102, left + 21, 130), fill="#22302a")
    draw.ellipse((126, 136, 194, 190), fill="#f3e2cd")
    draw.polygon([(150, 142), (170, 142), (160, 154)], fill="#c4656a")
    draw.arc((140, 146, 160, 170), 0, 170, fill=INK, width=3)
    draw.arc((160, 146, 180, 170), 10, 180, fill=INK, width=3)
    for drop in (-8, 2, 12):
        draw.line((120, 156, 62, 156 + 2 * drop), fill="#fff8ee", width=2)
        draw.line((200, 156, 258, 156 + 2 * drop), fill="#fff8ee", width=2)
    return image


def street() -> Image.Image:
    """A house, a tree, a car and the sun."""
    image, draw = _canvas("#9fd0ee")
    draw.ellipse((256, 16, 300, 60), fill="#f8d64e")
    draw.rectangle((0, 168, 320, 240), fill="#8fbb6b")
    draw.rectangle((0, 196, 320, 240), fill="#5b5f66")
    for left in range(10, 320, 60):
        draw.rectangle((left, 216, left + 30, 221), fill="#e8e6df")
    draw.rectangle((34, 92, 142, 186), fill="#e9d9bd")
    draw.polygon([(24, 94), (88, 44), (152, 94)], fill="#b4523f")
    draw.rectangle((78, 138, 104, 186), fill="#7a4a2a")
    for left in (44, 112):
        draw.rectangle((left, 110, left + 22, 130), fill="#7fb6d6", outline="#ffffff", width=2)
    draw.rectangle((270, 124, 282, 186), fill="#7a5634")
    draw.ellipse((242, 62, 310, 140), fill="#3f8a4c")
    draw.polygon([(178, 172), (194, 148), (230, 148), (246, 172)], fill="#bfe0f2")
    draw.rounded_rectangle((158, 168, 262, 200), 8, fill="#d8342c")
    for left in (172, 226):
        draw.ellipse((left, 188, left + 24, 212), fill="#22242a")
        draw.ellipse((left + 7, 195, left + 17, 205), fill="#c9ccd2")
    return image


def fruit() -> Image.Image:
    """Two apples and a banana on a table."""
    image, draw = _canvas("#f3ead7")
    draw.rectangle((0, 150, 320, 240), fill="#a9744a")
    draw.ellipse((40, 104, 140, 204), fill="#c8352f")
    draw.ellipse((60, 122, 82, 144), fill="#e77a70")
    draw.line((90, 110, 98, 84), fill="#5b3a1e", width=5)
    draw.ellipse((98, 82, 126, 98), fill="#5d9a45")
    draw.ellipse((126, 118, 214, 206), fill="#8fb63c")
    draw.line((170, 122, 174, 100), fill="#5b3a1e", width=5)
    draw.arc((176, 60, 306, 216), 12, 168, fill="#f2cf3f", width=24)
    return image


def invoice() -> Image.Image:
    """A page with a number, a date, a table of three items and a total."""
    image = Image.new("RGB", (420, 300), "#ffffff")
    draw = ImageDraw.Draw(image)
    large, small = ImageFont.load_default(26), ImageFont.load_default(15)
    draw.text((24, 18), "INVOICE", INK, large)
    draw.text((24, 56), "Number: 2043", INK, small)
    draw.text((24, 78), "Date: 14 March 2026", INK, small)
    draw.text((250, 56), "Harbour Bakery", INK, small)
    rows = (("Item", "Price"), ("Rye bread", "4.20"), ("Apple cake", "18.00"), ("Coffee", "3.10"))
    for index, (item, price) in enumerate(rows):
        top = 116 + 30 * index
        shade = "#e6ebf2" if index == 0 else "#ffffff"
        draw.rectangle((24, top, 396, top + 30), fill=shade, outline="#8c95a3")
        draw.text((34, top + 6), item, INK, small)
        draw.text((310, top + 6), price, INK, small)
    draw.text((250, 252), "Total: 25.30", INK, large)
    return image


PICTURES: Final[Mapping[str, Callable[[], Image.Image]]] = {
    "cat.png": cat,
    "street.png": street,
    "fruit.png": fruit,
    "invoice.png": invoice,
}


def _canvas(colour: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", SIZE, colour)
    return image, ImageDraw.Draw(image)
