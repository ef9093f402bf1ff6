"""Small screens as microscopes and programs write them: real files, every part of which a test can spoil."""

from __future__ import annotations

import csv

import numpy as np
import tifffile

CHANNELS = {"DNA": 5, "ER": 4, "RNA": 3}
ELSEWHERE = "/home/ubuntu/bucket/images/{plate}__2020-11-08T18_18_00-Measurement1/Images/"
SIDE = 24


def pixels(seed, shape=(SIDE, SIDE), kind="uint16"):
    return np.random.default_rng(seed).integers(1, 200, shape).astype(kind)


class Jump:
    """Plates of Phenix images with a ``load_data.csv`` of another machine: 2 rows, 3 columns, 2 sites, 3 channels."""

    def __init__(self, root, plates=("BR001", "BR002")) -> None:
        self.root = root
        self.rows = []
        for plate in plates:
            self.folder(plate).mkdir(parents=True)
            for row in (1, 2):
                for column in (1, 2, 3):
                    for site in (1, 2):
                        self.rows.append(self.row(plate, row, column, site))
        for place, row in enumerate(self.rows):
            for number, channel in enumerate(CHANNELS):
                tifffile.imwrite(self.file(row, channel), pixels(10 * place + number))
        self.write()

    def folder(self, plate):
        return self.root / f"{plate}__2020-11-08T18_18_00-Measurement1" / "Images"

    def file(self, row, channel):
        return self.folder(row["Metadata_Plate"]) / row[f"FileName_Orig{channel}"]

    @staticmethod
    def row(plate, row, column, site):
        found = {"Metadata_Plate": plate, "Metadata_Well": f"{' AB'[row]}{column:02d}", "Metadata_Site": str(site)}
        for channel, number in CHANNELS.items():
            found[f"FileName_Orig{channel}"] = f"r{row:02d}c{column:02d}f{site:02d}p01-ch{number}sk1fk1fl1.tiff"
            found[f"PathName_Orig{channel}"] = ELSEWHERE.format(plate=plate)
            found[f"FileName_Illum{channel}"] = f"{plate}_Illum{channel}.npy"
        return {**found, "Metadata_pert_iname": ["", "DMSO", "aloxistatin", "AMG900"][column]}

    def write(self, name="load_data.csv", rows=None):
        write_csv(self.root / name, self.rows if rows is None else rows)
        return self


class Wells:
    """One plate with a file of all channels a well, and a table with a row a well."""

    def __init__(self, root, wells=("A01", "A02", "B01", "B02"), channels=2, kind="uint8") -> None:
        self.root, self.channels, self.kind = root, channels, kind
        (root / "images").mkdir(parents=True)
        self.rows = [{"well": well, "treatment": "control" if well[0] == "A" else "drug"} for well in wells]
        for place, well in enumerate(wells):
            self.image(f"{well}.tif", pixels(place, (channels, SIDE, SIDE), kind))
        self.write()

    def image(self, name, values, **options):
        tifffile.imwrite(self.root / "images" / name, values, photometric="minisblack", **options)

    def write(self, name="plate.csv", mark=","):
        write_csv(self.root / name, self.rows, mark)
        return self


def write_csv(path, rows, mark=","):
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, names, delimiter=mark)
        table.writeheader()
        table.writerows(rows)
