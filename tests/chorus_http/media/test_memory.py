"""What an image takes at most, measured where nothing else is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.chorus_gateway.media.files import encoded
from tests.chorus_http.media.test_bare import exif, noise

SIZE = (1200, 1000)
PIXELS = 1200 * 1000
KINDS: dict[str, tuple[str, str, dict[str, object]]] = {
    "PNG": ("PNG", "RGB", {"compress_level": 1}),
    "PNG, transparent": ("PNG", "RGBA", {"compress_level": 1, "exif": exif(6)}),
    "JPEG": ("JPEG", "RGB", {"exif": exif(6)}),
    "JPEG, progressive": ("JPEG", "RGB", {"progressive": True, "subsampling": 0, "exif": exif(5)}),
    "JPEG, CMYK": ("JPEG", "CMYK", {"progressive": True, "subsampling": 0}),
    "WEBP": ("WEBP", "RGB", {"method": 0, "exif": exif(6)}),
    "WEBP, lossless": ("WEBP", "RGBA", {"lossless": True, "method": 0, "quality": 0}),
    "GIF": ("GIF", "P", {}),
    "BMP": ("BMP", "RGB", {"dpi": (72, 72)}),
}

# A child for each file, so that none finds memory that another one has left; the kernel's own
# high-water mark, from the moment at which the file is there.
SCRIPT = """
import json, os, pathlib, sys
from chorus_http.media import images

def status(key):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(key))

def cost(path):
    data = path.read_bytes()
    before = status("VmRSS:")
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    opened = images.open_image(data, 1 << 25)
    image = opened.decode()
    return status("VmHWM:") - before, images.memory([opened.pixels])

folder = pathlib.Path(sys.argv[1])
for path in folder.glob("small *"):
    images.open_image(path.read_bytes(), 1 << 25).decode()  # what is loaded once
for path in sorted(folder.glob("large *")):
    if os.fork() == 0:
        print(json.dumps([path.name, *cost(path)]), flush=True)
        os._exit(0)
    os.wait()
"""


def test_no_format_takes_more_than_is_counted_for_it(tmp_path: Path) -> None:
    grain = noise("RGB", SIZE)
    for name, (kind, mode, options) in KINDS.items():
        (tmp_path / f"large {name}").write_bytes(encoded(grain.convert(mode), kind, **options))
        small = grain.crop((0, 0, 8, 8)).convert(mode)
        (tmp_path / f"small {name}").write_bytes(encoded(small, kind, **options))
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, timeout=100
    )
    assert run.returncode == 0, run.stderr
    measured = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(measured) == len(KINDS)
    for name, taken, counted in measured:
        print(f"{name}: {taken / PIXELS:.1f} of {counted / PIXELS:.1f} bytes for each pixel")  # noqa: T201
        assert 4 * PIXELS <= taken < counted, name
