"""Small folders as the single-cell challenge lays them out: real files, every part of which a test can spoil."""

from __future__ import annotations

import numpy as np
from PIL import Image

COLOURS = ("red", "green", "blue", "yellow")


class Challenge:
    """Fields ``a``, ``b`` and ``c`` with a table ``train.csv`` and images in ``train``; each channel has one value."""

    def __init__(self, root, rows=(("a", "0|16"), ("b", "18"), ("c", "13")), images="train") -> None:
        self.root, self.rows = root, list(rows)
        self.folder = root / images
        self.folder.mkdir(parents=True, exist_ok=True)
        for number, (name, *_) in enumerate(self.rows):
            self.field(name, number)
        self.write()

    def field(self, name, number=0, shape=(9, 7), kind="uint8"):
        for place, colour in enumerate(COLOURS):
            self.channel(name, colour, np.full(shape, 10 * (number % 20) + place + 1, kind))

    def channel(self, name, colour, values):
        Image.fromarray(values).save(self.file(name, colour))

    def file(self, name, colour):
        return self.folder / f"{name}_{colour}.png"

    def write(self, text=None, header="ID,Label"):
        lines = [header, *(",".join(row) for row in self.rows)]
        (self.root / "train.csv").write_text("\n".join(lines) + "\n" if text is None else text)
        return self
