"""The laws that every instance coding obeys."""

import numpy as np
import pytest
import torch

from pandiff.codec import CODINGS, PanopticCodec
from pandiff.codec.ids import RasterIds, ShuffledIds, first_cells
from pandiff.codec.labels import LabelBatch
from pandiff.codec.offsets import Offsets, centre_offsets, compand, votes
from pandiff.errors import InputError
from pandiff.evaluation.overlap import overlap
from pandiff.evaluation.panoptic_quality import pq_sums, quality


def things_pq(pairs, taxonomy):
    sums = sum(pq_sums(overlap(reference, predicted)) for reference, predicted in pairs)
    return quality(sums[taxonomy.isthing].sum(axis=0, keepdims=True)).pq


@pytest.fixture(params=CODINGS)
def codec(request, taxonomy):
    return PanopticCodec(taxonomy, instances=request.param, max_instances=31, min_area=0)


def test_clean_values_lie_in_minus_one_to_one(codec, random_map):
    values = codec.encode(random_map(0), (64, 64))
    assert values.dtype == torch.float32
    assert values.abs().max() <= 1


def test_batch_path_equals_single_path(codec, random_map):
    maps = [random_map(k, side=64) for k in range(4)]
    labels = [np.stack(a) for a in zip(*(codec.prepare(m, (32, 32)) for m in maps), strict=True)]
    single = torch.stack([codec.encode(m, (32, 32)) for m in maps])
    assert torch.equal(codec.encode_indices(*labels), single)
    assert torch.equal(codec.encode_indices(*map(torch.from_numpy, labels)), single)
    assert torch.equal(codec.encode_indices(*labels[:2]), single)


def test_categories_survive_exactly(codec, random_map):
    for seed in range(5):
        panoptic = random_map(seed, side=64)
        decoded = codec.decode(codec.encode(panoptic))
        assert np.array_equal(decoded.category_index, panoptic.category_index)


def test_instances_survive(codec, taxonomy, random_map):
    maps = [random_map(seed, side=64, things=4) for seed in range(40)]
    pq = things_pq([(m, codec.decode(codec.encode(m))) for m in maps], taxonomy)
    floor = {"ids-raster": 1.0, "ids-shuffled": 1.0, "colors": 0.97}
    assert pq >= floor.get(codec.instances, 0.98)


def test_instances_never_span_categories_under_noise(codec):
    generator = torch.Generator().manual_seed(3)
    decoded = codec.decode(torch.randn(codec.channels, 24, 24, generator=generator))
    index = decoded.category_index
    assert all(len(np.unique(index[decoded.mask(s.id)])) == 1 for s in decoded.segments)


def test_unknown_coding_lists_the_known():
    from pandiff.codec.registry import make_coding

    with pytest.raises(InputError, match=r"offsets, colors, .* got 'rainbow'"):
        make_coding("rainbow", 5)


def test_offsets_point_at_the_centre():
    instance = torch.zeros(1, 8, 8, dtype=torch.long)
    instance[0, 2:5, 1:4] = 3
    offsets = centre_offsets(instance)[0]
    assert offsets[:, 2, 1].tolist() == [1, 1]
    assert offsets[:, 3, 2].tolist() == [0, 0]
    assert (offsets[:, instance[0] == 0] == 0).all()


def test_votes_undo_the_offsets():
    instance = torch.zeros(1, 30, 40, dtype=torch.long)
    instance[:, 5:25, 8:36] = 1
    points = votes(Offsets(3).encode(LabelBatch(instance, instance, instance * 0))[0].numpy())
    assert np.allclose(points[0, 5:25, 8:36], 21.5, atol=1e-3)
    assert np.allclose(points[1, 5:25, 8:36], 14.5, atol=1e-3)


def test_one_instance_that_fills_the_map_is_not_split(codec):
    """Its offsets are longer than can be written."""
    category = np.full((1, 48, 64), 5)
    decoded = codec.decode(codec.encode_indices(category, category * 0 + 1)[0])
    assert len(decoded.segments) == 1


def test_companding_is_odd_and_increasing():
    x = torch.linspace(-1, 1, 101)
    assert torch.allclose(compand(x), -compand(-x))
    assert (compand(x).diff() > 0).all()


def test_raster_ids_follow_the_first_cell():
    instance = torch.tensor([[[0, 5, 5], [9, 5, 2]]])
    labels = LabelBatch(instance, instance, instance)
    numbers = RasterIds(7).encode(labels)
    expected = torch.tensor([[[0, 1, 1], [2, 1, 3]]])
    assert torch.equal(numbers, RasterIds(7).encode(LabelBatch(expected, expected, expected)))
    assert first_cells(instance)[0, [0, 2, 3, 5, 9]].tolist() == [-1, 5, 6, 1, 3]


def test_shuffled_ids_depend_on_the_content_alone():
    instance = torch.arange(16).reshape(1, 4, 4)
    renamed = torch.tensor([0, *torch.randperm(15).add(1).tolist()])[instance]
    coding = ShuffledIds(15)
    one, two = (coding.encode(LabelBatch(i, i, i)) for i in (instance, renamed))
    assert torch.equal(one, two)
    assert not torch.equal(one, RasterIds(15).encode(LabelBatch(instance, instance, instance)))
