"""``segment``: cells found in fields and cut out of them."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal

from zoo.contracts import Segmenter
from zoo_cells.protein.fields import ProteinFields
from zoo_cells.segmented.bags import CellBags
from zoo_cells.segmented.crops import Crops


class Segment:
    """Find the cells of each field and cut them out; the stages behind it see bags of cells in the place of fields.

    It depends on neither split nor labels, and is done once for all folds and seeds. Fields are segmented in processes
    of their own: one that crashes costs its field and no more. What was done is kept, whatever ends the run.

    Parameters
    ----------
    segmenter
        Finds cells: ``watershed``, which needs no weights, or ``cellpose``.
    crops
        How they are cut out.
    processes
        How many fields at a time: the cores where not given, at most 8; 0 works in this process. A large network on a
        GPU wants 1.
    lose
        Go on without a field that cannot be segmented and ``note`` it, or ``stop``.

    Raises
    ------
    ValueError
        processes is below 0.
    """

    fitted = False

    def __init__(
        self,
        *,
        segmenter: Segmenter,
        crops: Crops = Crops(),
        processes: int | None = None,
        lose: Literal["note", "stop"] = "note",
    ) -> None:
        if processes is not None and processes < 0:
            raise ValueError(f"processes is a number of at least 0, not {processes}")
        self.segmenter, self.crops, self.processes, self.lose = segmenter, crops, processes, lose

    def over(self, dataset: ProteinFields) -> CellBags:
        """Return the data as what follows sees them; nothing is segmented yet."""
        settings: Any = {"crops": self.crops, "processes": self.processes, "lose": self.lose}
        return CellBags(dataset, segmenter=self.segmenter, **settings)

    def run(self, work: Any) -> Generator[Any, None, None]:
        """Segment what is not there yet, and yield how far it is."""
        for done, total, name in work.dataset.prepare():
            yield work.progress(done, total, name)
