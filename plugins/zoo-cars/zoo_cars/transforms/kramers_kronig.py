"""``kramers-kronig``: from CARS intensities to the imaginary part of the susceptibility, which is Raman-like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch

from zoo.errors import DataError
from zoo_cars.spectra import baseline, chunks, for_each_row, hilbert, instances_of, percentiles

SHARE_OF_MEDIAN = 1e-3
MOST_BELOW_ZERO = 0.01
COPIES = 12
DOUBLE = 8
WHOLE = 100.0
HALF = 50.0


class KramersKronig:
    """Retrieve ``Im chi / chi_NR`` of every pixel from its CARS spectrum: ``instances`` [N, C, H, W].

    CARS measures ``I = |chi_NR + chi_R|^2``: lines are shifted and mixed with the non-resonant background. With a
    reference I_ref of that background the phase is the Hilbert transform of ``ln sqrt(I / I_ref)``. What the reference
    lacks, and what lies outside the window, bends the phase slowly; that error e is the line under the phase by
    asymmetric least squares (:func:`zoo_cars.spectra.baseline`), taken away from the phase, and ``exp(-H[e])`` from the
    modulus: the result is ``sqrt(I / I_ref) exp(H[e]) sin(phase - e)``.

    Intensities have to be positive and in proportion to the signal (detector offset subtracted): use data that are not
    standardised (``standardise: false``), put this before any normaliser, and ``svd-denoise`` before this. Values below
    a thousandth of the median of their field count as that. Stimulated Raman intensities need no retrieval.

    Parameters
    ----------
    reference
        I_ref: ``flat`` for one number a field, its median; ``field`` for the percentile of each band over the pixels of
        a field, where some of them show no lines; or a measured spectrum (glass, water), a number for each band.
    percentile
        Of ``field``.
    span
        Share of the axis over which the phase error may vary by a whole wave; null leaves the error in.
    asymmetry
        Weight of what lies above the line of the error; lower for a line that lies deeper.
    rounds
        Of reweighting.

    Raises
    ------
    ValueError
        A parameter is out of bounds.
    DataError
        Intensities are not positive, the reference has another number of bands, or the batch has no bags.

    References
    ----------
    Liu, Lee and Cicerone, Opt. Lett. 2009;34:1363-1365, doi:10.1364/OL.34.001363; Camp, Lee and Cicerone, J. Raman
    Spectrosc. 2016;47:408-415, doi:10.1002/jrs.4824. Ours is written from the formulas; it leaves out their last step,
    the correction of the scale by the smoothed real part, and works in double precision on any device.
    """

    def __init__(
        self,
        *,
        reference: Literal["flat", "field"] | list[float] = "flat",
        percentile: float = 5.0,
        span: float | None = 0.5,
        asymmetry: float = 0.01,
        rounds: int = 10,
    ) -> None:
        if isinstance(reference, list) and not all(value > 0 for value in reference):
            raise ValueError(f"reference holds intensities above 0, not {min(reference)}")
        if not 0 < percentile <= WHOLE:
            raise ValueError(f"percentile lies above 0 and at most at 100, not at {percentile}")
        if span is not None and not span > 0:
            raise ValueError(f"span is a share of the axis above 0, not {span}")
        if not 0 < asymmetry < 0.5:  # noqa: PLR2004 - a half would weigh both sides alike
            raise ValueError(f"asymmetry lies between 0 and 0.5, not at {asymmetry}")
        if rounds < 1:
            raise ValueError(f"rounds is a number of at least 1, not {rounds}")
        self.reference = reference
        self.percentile = percentile
        self.span = span
        self.asymmetry = asymmetry
        self.rounds = rounds

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:
        """Return the batch with retrieved instances; nothing is drawn."""
        del generator
        instances, bags = instances_of(batch)
        if not bags:
            return batch
        below = float((instances <= 0).float().mean())
        if below > MOST_BELOW_ZERO:
            raise DataError(
                f"kramers-kronig needs intensities above 0 and {below:.0%} of these are not; deliver them as they were "
                "measured (data: standardise: false), and put it before any normaliser"
            )
        level = percentiles(instances, bags, HALF, bands_apart=False)
        floor = for_each_row(level * SHARE_OF_MEDIAN, bags, len(instances)).clamp_min(torch.finfo(torch.float32).tiny)
        expected = for_each_row(self._expected(instances, bags, level), bags, len(instances))
        count, bands, height, width = instances.shape
        retrieved = torch.empty_like(instances)
        for rows in chunks(count, COPIES * DOUBLE * bands * height * width):
            ratio = instances[rows].maximum(floor[rows]) / expected[rows].maximum(floor[rows])
            spectra = self._retrieved(ratio.permute(0, 2, 3, 1).reshape(-1, bands).double())
            retrieved[rows] = spectra.view(-1, height, width, bands).permute(0, 3, 1, 2).to(instances.dtype)
        return {**batch, "instances": retrieved}

    def _expected(self, instances: torch.Tensor, bags: list[tuple[int, int]], level: torch.Tensor) -> torch.Tensor:
        """Return the reference of each bag [B, C]."""
        bands = instances.shape[1]
        if self.reference == "flat":
            return level.expand(-1, bands)
        if self.reference == "field":
            return percentiles(instances, bags, self.percentile, bands_apart=True)
        if len(self.reference) != bands:
            raise DataError(
                f"kramers-kronig has a reference of {len(self.reference)} values and the stack has {bands} bands; give "
                "one for each band of the model's axis"
            )
        return torch.tensor([self.reference], dtype=instances.dtype, device=instances.device).expand(len(bags), -1)

    def _retrieved(self, ratio: torch.Tensor) -> torch.Tensor:
        """Return the imaginary part [P, C] for intensities in units of the reference [P, C]."""
        log_modulus = ratio.log() / 2
        phase = hilbert(log_modulus)
        if self.span is not None:
            error = baseline(phase, span=self.span, asymmetry=self.asymmetry, rounds=self.rounds)
            phase = phase - error
            log_modulus = log_modulus + hilbert(error)
        return log_modulus.exp() * phase.sin()
