"""A folder encoded once: what is cached, when it is made anew."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pandiff.coco import FolderWriter, PanopticFolder
from pandiff.data.encoded import CAPTIONS, EncodedDataset, Encoding, fit_map, load_or_encode
from pandiff.data.images import ImageDataset, fit
from pandiff.models.encoders import encode_pixels, to_pixels
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.taxonomy import Category, Taxonomy


@pytest.fixture
def encoding(tiny_model: Path) -> Encoding:
    pipe = PanopticDiffusionPipeline.from_pretrained(tiny_model)
    return Encoding(pipe.vae, pipe.text, pipe.panoptic_codec, 64, 16)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each time a folder is encoded."""
    calls: list[int] = []
    encode = Encoding.encode

    def call(self: Encoding, *others: object) -> dict[str, torch.Tensor]:
        calls.append(1)
        return encode(self, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(Encoding, "encode", call)
    return calls


def test_what_is_encoded(encoding: Encoding, toy_data: Path) -> None:
    folder = PanopticFolder.open(toy_data)
    tensors = encoding.encode(folder, batch=5)
    assert {name: (t.shape, t.dtype) for name, t in tensors.items()} == {
        "latents": ((12, 4, 8, 8), torch.float16),
        "category": ((12, 16, 16), torch.uint8),
        "instance": ((12, 16, 16), torch.uint8),
        "color": ((12, 16, 16), torch.uint8),
        "tokens": ((12, CAPTIONS, 12), torch.int32),
    }
    with torch.inference_mode():
        latents = encode_pixels(encoding.vae, to_pixels(folder.image(7))[None])[0]
    assert (tensors["latents"][7] - latents).abs().mean() < 0.05 * latents.abs().mean()
    labels = encoding.codec.prepare(folder.panoptic(7), (16, 16))
    assert np.array_equal(tensors["category"][7].numpy(), labels.category)
    assert np.array_equal(tensors["instance"][7].numpy(), labels.instance)
    first, second = encoding.text.tokenize(folder.captions(7))
    expected = torch.stack([first, second, first, second, first])
    assert torch.equal(tensors["tokens"][7].long(), expected)


def test_the_cache_is_used_again(
    encoding: Encoding, toy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, cache = counted(monkeypatch), tmp_path / "new/cache.safetensors"
    made = load_or_encode(toy_data, cache, encoding)
    again = load_or_encode(toy_data, cache, encoding)
    assert len(calls) == 1
    torch.testing.assert_close(again, made, rtol=0, atol=0)
    assert [p.name for p in cache.parent.iterdir()] == [cache.name]


@pytest.mark.parametrize("change", ["vae", "statistics", "codec", "sizes", "data"])
def test_the_cache_is_made_anew(
    change: str,
    encoding: Encoding,
    toy_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls, cache = counted(monkeypatch), tmp_path / "cache.safetensors"
    load_or_encode(toy_data, cache, encoding)
    if change == "vae":
        next(encoding.vae.parameters()).data += 0.1
    elif change == "statistics":
        encoding.vae.register_to_config(latents_mean=[0.5] * 4, latents_std=[2.0] * 4)
    elif change == "codec":
        encoding = replace(encoding, codec=replace(encoding.codec, max_instances=5))
    elif change == "sizes":
        encoding = replace(encoding, map_size=8)
    else:
        stat = (toy_data / "panoptic.json").stat()
        os.utime(toy_data / "panoptic.json", ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    before = cache.read_bytes()
    load_or_encode(toy_data, cache, encoding)
    assert len(calls) == 2
    assert cache.read_bytes() != before


def test_an_interrupted_encoding_leaves_no_cache(
    encoding: Encoding, toy_data: Path, tmp_path: Path
) -> None:
    def stop(items: object) -> object:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_or_encode(toy_data, tmp_path / "cache.safetensors", encoding, stop)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_rows_of_a_batch(encoding: Encoding, toy_data: Path) -> None:
    dataset = EncodedDataset(encoding.encode(PanopticFolder.open(toy_data)))
    assert len(dataset) == 12
    batch = dataset.__getitems__([3, 0, 3])
    for row, index in enumerate([3, 0, 3]):
        one = dataset[index]
        assert all(torch.equal(batch[name][row], one[name]) for name in one)


def test_images_and_maps_are_fitted_alike(tmp_path: Path) -> None:
    """Short side to the size, middle square: a white thing stays where its map is."""
    ids = np.ones((40, 100), np.int32)
    ids[10:30, 40:70] = 2
    taxonomy = Taxonomy((Category(1, "ground", False), Category(2, "box", True)))
    panoptic = PanopticMap.from_ids(ids, {1: 1, 2: 2}, taxonomy)
    image = Image.fromarray((ids == 2).astype(np.uint8) * 255).convert("RGB")
    fitted = fit_map(panoptic, 20)
    assert fit(image, 20).size == fitted.size == (20, 20)
    white = np.asarray(fit(image, 20))[..., 0] > 127
    assert (white == (fitted.ids == 2)).mean() > 0.9
    assert fit_map(fitted, 20) is fitted
    with FolderWriter(tmp_path / "data", taxonomy) as writer:
        writer.add(image, panoptic)
    pixels = ImageDataset(tmp_path / "data", 20).__getitems__([0, 0])["pixels"]
    assert pixels.shape == (2, 3, 20, 20)
    assert (pixels.min(), pixels.max()) == (-1, 1)
