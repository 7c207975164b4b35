"""Make the files of the examples again: `python -m chorus_ui.panels.examples`."""

from __future__ import annotations

from chorus_ui.panels.examples.draw import PICTURES
from chorus_ui.panels.examples.files import FOLDER
from chorus_ui.panels.examples.play import SOUNDS, wav


def main() -> None:
    """Write every picture and sound."""
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        draw().save(FOLDER / name, optimize=True)
    for name, play in SOUNDS.items():
        (FOLDER / name).write_bytes(wav(play()))


if __name__ == "__main__":
    main()
