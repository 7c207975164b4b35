"""Requirements files: exact pins, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from supply_chain import pins

HASH = "0" * 64


def read(folder: Path, text: str) -> list[pins.Pin]:
    file = folder / "requirements.txt"
    file.write_text(text)
    return pins.read(file)


def test_what_uv_writes(tmp_path: Path) -> None:
    text = f"""# A comment.
Zope.Event==6.2 ; sys_platform == 'nowhere' \\
    --hash=sha256:{HASH} \\
    --hash=sha256:{"1" * 64}
    # via somebody
torch==2.13.0 # why
"""
    zope, torch = read(tmp_path, text)
    assert (zope.name, zope.version, zope.hashes) == ("zope-event", "6.2", (HASH, "1" * 64))
    assert not zope.applies
    assert (torch.name, torch.version, torch.hashes) == ("torch", "2.13.0", ())
    assert torch.applies


@pytest.mark.parametrize(
    "line",
    [
        "aiohttp",
        "aiohttp>=3",
        "aiohttp==3.*",
        "aiohttp==3.1,<4",
        "aiohttp[speedups]==3.1",
        "aiohttp @ https://example.org/aiohttp.whl",
        "-r other.txt",
        "--index-url https://example.org/",
        "-e .",
        "https://example.org/aiohttp.whl",
        f"aiohttp==3.1 --hash=md5:{HASH}",
        f"aiohttp==3.1 --hash=sha256:{HASH}0",
    ],
)
def test_anything_else_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(pins.PinsError, match=r"requirements\.txt: not "):
        read(tmp_path, line)
