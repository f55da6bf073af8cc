"""Whether the maps of samples have what their prompts ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from pandiff.data.frame import Frame
from pandiff.data.scenes import Caption
from pandiff.panoptic import PanopticMap
from pandiff.pipeline.conditions import Given
from pandiff.pipeline.decoder import Decoder
from pandiff.prompts import Vocabulary, share_held


@dataclass(frozen=True)
class Checks:
    """Checks states of B samples against their prompts.

    Attributes:
        claims: what each prompt claims; None where there is nothing to check.
        samples: what each sample is given.
        frames: how each lies in the model's square.
        decoder: brings states to maps.
    """

    claims: Sequence[Caption | None]
    samples: Sequence[Given]
    frames: Sequence[Frame]
    decoder: Decoder

    @classmethod
    def of(
        cls,
        prompts: Sequence[str],
        samples: Sequence[Given],
        frames: Sequence[Frame],
        decoder: Decoder,
    ) -> Checks:
        """Checks of everything that prompts claim, but for maps that are given whole."""
        vocabulary = Vocabulary(decoder.codec.taxonomy)
        read = {prompt: vocabulary.read(prompt) for prompt in set(prompts)}
        claims = [
            None if one.has_whole_map or not read[p].categories + read[p].counts else read[p]
            for p, one in zip(prompts, samples, strict=True)
        ]
        return cls(claims, samples, frames, decoder)

    def __call__(
        self, rows: Sequence[int], given: Sequence[Given], z: Tensor
    ) -> list[tuple[float, PanopticMap | None]]:
        """The share of its claims that the map of each state has, 0..1, and the map.

        Without claims the share is 1, and there may be no map.

        Args:
            rows: the samples' numbers; one may come several times.
            given: what each was given here.
            z: (len(rows), C, h, w) clean states.
        """
        claims = [self.claims[k] for k in rows]
        if not any(claims):
            return [(1.0, None)] * len(rows)
        maps = self.decoder.maps(z, given, [self.frames[k] for k in rows])
        shares = [share_held(c, m) if c else None for c, m in zip(claims, maps, strict=True)]
        return [(1.0 if s is None else s, m) for s, m in zip(shares, maps, strict=True)]
