import json
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pandiff.codec import CODINGS, PanopticCodec
from pandiff.errors import InputError
from pandiff.taxonomy import Category, Taxonomy


@pytest.fixture(scope="module")
def codec(taxonomy):
    return PanopticCodec(taxonomy)


def odd_taxonomy():
    """Five class indices in three bits: three of the eight words are impossible."""
    kinds = (False, True, True, False)
    return Taxonomy(tuple(Category(3 * k + 1, f"c{k}", t) for k, t in enumerate(kinds)))


@pytest.mark.parametrize("name", CODINGS)
def test_config_round_trip_through_json(name, taxonomy):
    codec = PanopticCodec(taxonomy, instances=name, max_instances=20, min_area=4)
    assert PanopticCodec.from_config(json.loads(json.dumps(codec.to_config()))) == codec


def test_channel_groups_tile_the_channels(taxonomy):
    for name in CODINGS:
        codec = PanopticCodec(taxonomy, instances=name)
        stops = [0, *(g.stop for g in codec.channel_groups.values())]
        assert [g.start for g in codec.channel_groups.values()] == stops[:-1]
        assert stops[-1] == codec.channels
    mixed = PanopticCodec(taxonomy, instances="offsets+colors")
    assert mixed.channel_groups == {
        "category": slice(0, 3),
        "offsets": slice(3, 5),
        "colors": slice(5, 7),
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"instances": "rainbow"}, "an instance coding"),
        ({"max_instances": 0}, "max_instances in 1..255, got 0"),
        ({"max_instances": 256}, "max_instances in 1..255, got 256"),
        ({"min_area": -1}, "min_area of 0 or more"),
    ],
)
def test_wrong_settings_are_refused(settings, message, taxonomy):
    with pytest.raises(InputError, match=message):
        PanopticCodec(taxonomy, **settings)


def test_wrong_config_is_refused(codec):
    with pytest.raises(InputError, match="settings of a codec"):
        PanopticCodec.from_config({**codec.to_config(), "colour": 1})
    with pytest.raises(InputError, match="settings of a codec"):
        PanopticCodec.from_config({"instances": "offsets"})


def test_too_many_categories_are_refused():
    with pytest.raises(InputError, match="at most 255 categories, got 256"):
        PanopticCodec(Taxonomy(tuple(Category(k + 1, str(k), True) for k in range(256))))


@pytest.mark.parametrize("shape", [(6, 8, 8), (2, 7, 8, 8), (7, 0, 8), (7, 8)])
def test_wrong_tensors_are_refused(shape, codec):
    with pytest.raises(InputError, match="one map tensor"):
        codec.decode(torch.zeros(shape))


@pytest.mark.parametrize(("one", "two"), [((8, 8), (8, 8)), ((2, 8, 8), (1, 8, 8))])
def test_wrong_labels_are_refused(one, two, codec):
    with pytest.raises(InputError, match="categories and instances"):
        codec.encode_indices(np.zeros(one, dtype=np.uint8), np.zeros(two, dtype=np.uint8))


def test_empty_sizes_are_refused(codec):
    with pytest.raises(InputError, match="at least 1x1"):
        codec.decode(torch.zeros(codec.channels, 4, 4), (0, 4))


@given(
    arrays(np.float32, (7, 5, 6), elements=st.floats(width=32)),
    st.sampled_from([None, (6, 5), (11, 9), (3, 2), (12, 3)]),
)
def test_any_bits_give_a_valid_map(array, size):
    codec = PanopticCodec(odd_taxonomy(), min_area=64)
    decoded = codec.decode(torch.from_numpy(array), size)
    assert decoded.size == (size or (6, 5))
    assert all(0 <= s.score <= 1 for s in decoded.segments)
    confidence = codec.confidence(torch.from_numpy(array), size)
    assert confidence.shape == decoded.ids.shape
    assert ((confidence >= 0) & (confidence <= 1 + 1e-6)).all()


@pytest.mark.parametrize("size", [(128, 128), (200, 150), (64, 64), (40, 90), (30, 30)])
def test_decoding_at_any_size_invents_no_category(size, codec, random_map):
    for seed in range(4):
        panoptic = random_map(seed)
        decoded = codec.decode(codec.encode(panoptic, (64, 64)), size)
        assert decoded.size == size
        assert set(np.unique(decoded.category_index)) <= set(np.unique(panoptic.category_index))


def test_enlarged_map_is_close_to_the_original(codec, random_map):
    for seed in range(4):
        panoptic = random_map(seed)
        decoded = codec.decode(codec.encode(panoptic, (64, 64)), (128, 128))
        assert (decoded.category_index == panoptic.category_index).mean() > 0.97


def test_borders_are_smoother_than_nearest(codec, random_map):
    """Bilinear scores cut corners: fewer wrong pixels than blocks of 4 x 4 have."""
    smooth = blocks = 0
    for seed in range(6):
        panoptic = random_map(seed)
        values, truth = codec.encode(panoptic, (32, 32)), panoptic.category_index
        smooth += (codec.decode(values, (128, 128)).category_index != truth).sum()
        blocks += (codec.decode(values).resize((128, 128)).category_index != truth).sum()
    assert smooth < 0.95 * blocks


def test_touching_instances_stay_apart_when_enlarged(codec, taxonomy):
    category = np.zeros((1, 32, 32), dtype=np.uint8)
    instance = np.zeros_like(category)
    category[:, 8:20, 4:28] = 4
    instance[:, 8:20, 4:16], instance[:, 8:20, 16:28] = 1, 2
    decoded = codec.decode(codec.encode_indices(category, instance)[0], (64, 64))
    assert decoded.count(taxonomy.categories[3].id) == 2
    assert decoded.ids[30, 31] != decoded.ids[30, 32]


def test_specks_are_absorbed_at_the_default_and_kept_at_zero(taxonomy):
    category = np.full((1, 64, 64), 1, dtype=np.uint8)
    category[:, 20, 20] = 5
    instance = (category == 5).astype(np.uint8)
    codec = PanopticCodec(taxonomy)
    values = codec.encode_indices(category, instance)[0]
    assert len(codec.decode(values).segments) == 1
    assert len(PanopticCodec(taxonomy, min_area=0).decode(values).segments) == 2


def test_stuff_is_one_segment_a_category_and_void_is_none(codec, taxonomy):
    category = np.zeros((1, 16, 16), dtype=np.uint8)
    category[:, :6], category[:, 10:] = 2, 2
    decoded = codec.decode(codec.encode_indices(category, category * 0)[0])
    assert [s.category_id for s in decoded.segments] == [taxonomy.categories[1].id]
    assert (decoded.ids[6:10] == 0).all()


def test_confidence_follows_the_margin(codec, random_map):
    values = codec.encode(random_map(0), (32, 32))
    assert codec.confidence(values).min() > 0.98
    assert np.allclose(codec.confidence(values * 0), 1 / codec.taxonomy.num_classes)
    weak = codec.confidence(values * 0.3)
    assert (weak < codec.confidence(values)).all()


def test_scores_are_the_mean_confidence_of_the_pixels(codec, random_map):
    values = codec.encode(random_map(0), (32, 32))
    values[:, :, 16:] *= 0.2
    decoded, confidence = codec.decode(values), codec.confidence(values)
    for segment in decoded.segments:
        assert segment.score == pytest.approx(confidence[decoded.mask(segment.id)].mean(), abs=1e-5)


def test_batches_decode_one_by_one(codec, random_map):
    values = torch.stack([codec.encode(random_map(k), (32, 32)) for k in range(3)])
    assert codec.decode_batch(values, (64, 64)) == [codec.decode(v, (64, 64)) for v in values]


def test_every_dtype_decodes_alike(codec, random_map):
    values = codec.encode(random_map(0), (32, 32))
    assert codec.decode(values.double().requires_grad_()) == codec.decode(values)
    assert codec.decode(values.bfloat16()).segments


def test_nothing_warns_on_clean_maps(codec, random_map):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        codec.decode(codec.encode(random_map(0), (64, 64)), (128, 128))


def test_without_void_every_pixel_has_a_category(taxonomy):
    values = -torch.ones(PanopticCodec(taxonomy).channels, 16, 16)  # the code word of void
    assert PanopticCodec(taxonomy).decode(values).segments == ()
    full = PanopticCodec(taxonomy, void=False).decode(values, (32, 32))
    assert full.ids.min() > 0


def test_neighbours_decide_where_the_bits_do_not():
    """Two halves of classes 1 and 2 with unclear bits between: no third class comes out."""
    codec = PanopticCodec(odd_taxonomy(), min_area=0)
    sides = np.where(np.arange(32) < 16, 1, 2)[None].repeat(32, axis=0)
    labels = sides.astype(np.uint8)[None]
    values = codec.encode_indices(labels, np.zeros_like(labels))[0]
    bits = codec.channel_groups["category"]
    noise = torch.randn(values[bits, :, 14:18].shape, generator=torch.Generator().manual_seed(0))
    values[bits, :, 14:18] = 0.1 * noise
    assert set(np.unique(codec.decode(values).category_index)) <= {1, 2}
