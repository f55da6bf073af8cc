"""Reading of the segmenter's output: clean output gives the exact map, sizes are checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import one_hot, pixel_unshuffle

from pandiff.codec.labels import MAX_LABEL, LabelBatch, to_labels
from pandiff.codec.offsets import Offsets
from pandiff.data.scenes import TAXONOMY, make_scene
from pandiff.errors import InputError
from pandiff.evaluation.scenes_report import agreement
from pandiff.evaluation.segmenter import load_segmenter, segment
from pandiff.models.segmenter import PATCH, PanopticSegmenter

SCENES = [make_scene(1, k) for k in range(6)]
PICTURES = [Image.fromarray(make_scene(1, k, 32).image) for k in range(3)]


class Perfect(PanopticSegmenter):
    """Knows the scenes by heart: image k is of gray k."""

    def forward(self, pixels: Tensor) -> Tensor:
        return torch.cat([clean(round(float(p.mean() + 1) * 127.5)) for p in pixels])


def clean(index: int) -> Tensor:
    labels = to_labels(SCENES[index].panoptic, (128, 128), MAX_LABEL)
    category, instance = (
        torch.from_numpy(a)[None].long() for a in (labels.category, labels.instance)
    )
    logits = 9.0 * one_hot(category, TAXONOMY.num_classes).permute(0, 3, 1, 2)
    offsets = Offsets(MAX_LABEL).encode(LabelBatch(category, instance, instance))
    return pixel_unshuffle(torch.cat([logits, offsets], dim=1), PATCH)


def gray(value: int, size: tuple[int, int] = (128, 128)) -> Image.Image:
    return Image.new("RGB", size, (value, value, value))


def test_clean_output_is_read_exactly() -> None:
    network = Perfect(taxonomy=TAXONOMY.to_coco(), widths=(8, 8))
    maps = segment(network, [gray(k) for k in range(6)], batch_size=4)
    found = agreement([s.panoptic for s in SCENES], maps).report()
    assert found["all"].value > 0.97


def test_any_network_gives_correct_maps_without_void() -> None:
    network = PanopticSegmenter(taxonomy=TAXONOMY.to_coco(), widths=(8, 8)).eval()
    (one,) = segment(network, PICTURES[:1])
    assert one.size == (32, 32) and one.ids.min() > 0
    assert all(0 <= s.score <= 1 for s in one.segments)


def test_batches_change_nothing() -> None:
    network = PanopticSegmenter(taxonomy=TAXONOMY.to_coco(), widths=(8, 8)).eval()
    alone = [segment(network, [image])[0] for image in PICTURES]
    together = segment(network, PICTURES)
    same = [np.mean(a.ids == b.ids) for a, b in zip(alone, together, strict=True)]
    assert min(same) > 0.999


def test_no_images_no_maps() -> None:
    assert segment(PanopticSegmenter(taxonomy=TAXONOMY.to_coco()), []) == []


@pytest.mark.parametrize(
    ("sizes", "message"),
    [([(64, 64), (32, 32)], "images of one size"), ([(60, 64)], "sides that 16 divides")],
)
def test_odd_sizes_are_refused(sizes: list[tuple[int, int]], message: str) -> None:
    network = PanopticSegmenter(taxonomy=TAXONOMY.to_coco())
    with pytest.raises(InputError, match=message):
        segment(network, [gray(0, size) for size in sizes])


def test_stored_and_loaded(tmp_path: Path) -> None:
    network = PanopticSegmenter(taxonomy=TAXONOMY.to_coco(), widths=(8, 16)).eval()
    network.half().save_pretrained(tmp_path)
    loaded = load_segmenter(tmp_path)
    assert loaded.taxonomy == TAXONOMY and not loaded.training
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    x = torch.rand(1, 3, 32, 32)
    assert torch.equal(loaded(x), network.float()(x))


def test_the_built_in_segmenter_sees_unseen_scenes() -> None:
    scenes = [make_scene(1, k) for k in range(24)]
    maps = segment(load_segmenter(), [Image.fromarray(s.image) for s in scenes])
    found = agreement([s.panoptic for s in scenes], maps).report()
    assert found["things"].value > 0.5 and found["stuff"].value > 0.8


def test_a_segmenter_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"expected a segmenter at '{tmp_path}', got"):
        load_segmenter(tmp_path)
