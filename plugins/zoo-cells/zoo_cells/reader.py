"""A folder of images, and tables where there are some, as fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from zoo.errors import DataError, MissingError
from zoo_cells.channels import choose, fields_of
from zoo_cells.choosing import listed
from zoo_cells.field import Field
from zoo_cells.gather import Draft, drafts_of_pictures, drafts_of_rows, with_rows
from zoo_cells.joining import read_tables
from zoo_cells.names import channel_in, parse
from zoo_cells.rows import Row, rows_of
from zoo_cells.scan import File, images_below
from zoo_cells.table import Columns, Table, read_table, tables_in


@dataclass(frozen=True, slots=True)
class Reader:
    """How the files of a screen are read; the same for training and for new plates.

    Attributes
    ----------
    label
        The column of treatments.
    columns
        What others are called.
    images
        Pattern of the paths of images.
    channels
        Names of channels to use, in order.
    unlabelled
        What becomes of rows without a label.
    skip_incomplete
        Leave out fields that lack a channel.
    """

    label: str = "treatment"
    columns: Columns = field(default_factory=Columns)
    images: str | None = None
    channels: Sequence[str] | None = None
    unlabelled: Literal["refuse", "drop"] = "refuse"
    skip_incomplete: bool = False

    def labelled(
        self, root: Path, tables: Sequence[str] | None, notes: list[str], aliases: dict[str, str]
    ) -> list[Field]:
        """Return the fields of a screen with their treatments; what channels are called in names is put in aliases."""
        files = images_below(_folder(root))
        table = read_tables(root, tables or [_only_table(root)], self.columns)
        rows = rows_of(table, self.columns, label=self.label, unlabelled=self.unlabelled, notes=notes)
        drafts = self._drafts(root, files, rows, table, notes, keep=False)
        aliases |= _aliases(rows)
        choice = choose(drafts, root, self.channels, aliases)
        return fields_of(drafts, root, choice, notes, skip_incomplete=self.skip_incomplete)

    def unseen(
        self, inputs: Mapping[str, Path], channels: Sequence[str], aliases: Mapping[str, str], notes: list[str]
    ) -> list[Field]:
        """Return the fields of new input, a folder or one image, with labels where a table gives them."""
        root = inputs["input"]
        files = images_below(root)
        if "table" in inputs:
            table = read_table(inputs["table"])
            rows = rows_of(table, self.columns, label=self.label, unlabelled="keep", notes=notes)
            drafts = self._drafts(root, files, rows, table, notes, keep=True)
        else:
            drafts = drafts_of_pictures(parse(files, pattern=self._pattern(root), root=root))
        try:
            choice = choose(drafts, root, channels, aliases)
        except DataError as error:
            raise DataError(f"{root}: {error}; the model was trained on {', '.join(channels)}") from error
        return fields_of(drafts, root, choice, notes, skip_incomplete=self.skip_incomplete)

    def _pattern(self, root: Path) -> str | None:
        return self.images.rpartition("/")[2] if self.images and root.is_file() else self.images

    def _drafts(
        self, root: Path, files: Sequence[File], rows: Sequence[Row], table: Table, notes: list[str], *, keep: bool
    ) -> list[Draft]:
        if rows and rows[0].files and self.images is None:
            drafts = drafts_of_rows(files, rows, table.path, notes)
            _note_unnamed(files, drafts, table, notes)
            return drafts
        plates = {row.plate for row in rows} - {""}
        pictures = parse(files, pattern=self._pattern(root), root=root, plates=plates)
        return with_rows(drafts_of_pictures(pictures), rows, table.path, notes, keep=keep)


def _note_unnamed(files: Sequence[File], drafts: Sequence[Draft], table: Table, notes: list[str]) -> None:
    used = {file.path for one in drafts for file in one.files.values()}
    bare = [file.path for file in files if file.path not in used]
    if bare:
        notes.append(f"{len(bare)} of {len(files)} images are named by no row of {table.path.name}: {listed(bare)}")


def _folder(root: Path) -> Path:
    if not root.is_dir():
        raise MissingError(f"{root}: there is no such folder; point data.root at the images and their table")
    return root


def _only_table(root: Path) -> str:
    """Return the name of the one table in a folder."""
    found = tables_in(root)
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(
            f"{root}: has {len(found)} tables ({listed(found)}); name one, or several to join, in data.table"
        )
    raise MissingError(
        f"{root}: has no table, so no treatment is known; write a CSV with the columns well and treatment, or name "
        "one in data.table"
    )


def _aliases(rows: Sequence[Row]) -> dict[str, str]:
    """Return for channels that a table names what the names of their files call them: DNA is 5."""
    named = {channel: name for channel, (_, name) in rows[0].files.items()} if rows else {}
    told = {channel: channel_in(name.replace("\\", "/").rpartition("/")[2]) for channel, name in named.items()}
    return {channel: code for channel, code in told.items() if channel and code}
