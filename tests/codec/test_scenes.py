"""What the codings keep of the built-in world: the ceiling of everything that is generated."""

import numpy as np
import pytest
import torch

from pandiff.codec import PanopticCodec
from pandiff.evaluation.score import MapScores


def scores(codec, truths, size, noise=0.0):
    """PQ over all categories, and the share of maps with the exact number of segments."""
    total, exact = MapScores(codec.taxonomy), 0
    generator = torch.Generator().manual_seed(0)
    for truth in truths:
        values = codec.encode(truth, size)
        decoded = codec.decode(values + noise * torch.randn(values.shape, generator=generator))
        total.add(truth, decoded)
        exact += len(decoded.segments) == len(truth.segments)
    return total.metrics()["pq"]["all"]["pq"], exact / len(truths)


@pytest.fixture(scope="module")
def majority_maps(scenes):
    exact = PanopticCodec(scenes[0].taxonomy, instances="ids-raster", min_area=0)
    return [exact.decode(exact.encode(m, (64, 64))) for m in scenes]


@pytest.mark.parametrize("name", ["ids-raster", "ids-shuffled"])
def test_ids_are_exact(name, scenes):
    codec = PanopticCodec(scenes[0].taxonomy, instances=name, min_area=0)
    assert scores(codec, scenes, (128, 128)) == (1.0, 1.0)


@pytest.mark.parametrize(("name", "counts"), [("offsets", 0.95), ("offsets+colors", 0.99)])
def test_offsets_keep_nearly_all(name, counts, scenes, majority_maps):
    codec = PanopticCodec(scenes[0].taxonomy, instances=name)
    for truths, size in ((scenes, (128, 128)), (majority_maps, (64, 64))):
        pq, exact = scores(codec, truths, size)
        assert pq >= 0.99
        assert exact >= counts


def test_the_default_bears_noise(majority_maps):
    codec = PanopticCodec(majority_maps[0].taxonomy)
    pq, exact = scores(codec, majority_maps, (64, 64), noise=0.3)
    assert pq >= 0.97
    assert exact >= 0.9


def test_the_map_at_image_size_agrees_with_the_image(scenes):
    codec = PanopticCodec(scenes[0].taxonomy)
    agree = [
        (codec.decode(codec.encode(m, (64, 64)), m.size).category_index == m.category_index).mean()
        for m in scenes
    ]
    assert np.mean(agree) >= 0.97
