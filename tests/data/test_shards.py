"""Shards on disk: what is in them, and that they survive interruption, damage, other settings."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from itertools import groupby
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pandiff.coco import FolderWriter, PanopticFolder, png_to_ids
from pandiff.codec import PanopticCodec
from pandiff.data.encoded import CAPTIONS, fit_map
from pandiff.data.shards import (
    ShardDataset,
    ShardEncoding,
    ShardIndex,
    ShardWriter,
    is_shards,
    verify,
)
from pandiff.errors import InputError
from pandiff.models.encoders import latent_statistics, posterior, to_pixels, whiten
from pandiff.models.image_prompt import encode_image_prompts, small_swin
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import load_encoders
from pandiff.taxonomy import Category, Taxonomy

SIZE = 64
MEMBERS = {"json", "moments.npy", "panoptic.png", "tokens.npy"}


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def groups(path: Path) -> list[tuple[str, dict[str, bytes]]]:
    """The samples of a tar as WebDataset groups them: neighbours of one key."""
    with tarfile.open(path) as tar:
        files = [(*m.name.split(".", 1), tar.extractfile(m).read()) for m in tar]  # type: ignore[union-attr]
    return [(k, {e: c for _, e, c in g}) for k, g in groupby(files, lambda file: file[0])]


def npy(data: bytes) -> np.ndarray:
    array: np.ndarray = np.load(BytesIO(data), allow_pickle=False)
    return array


# What is written


def test_other_tools_read_the_tars(shards: Path, folder: PanopticFolder) -> None:
    samples = [s for path in sorted(shards.glob("*.tar")) for s in groups(path)]
    assert [key for key, _ in samples] == [f"{k:09d}" for k in range(12)]
    for k, (key, members) in enumerate(samples):
        assert members.keys() == MEMBERS
        meta = json.loads(members["json"])
        assert (meta["key"], meta["image_id"]) == (key, folder.images[k].id)
        assert meta["file_name"] == folder.images[k].file_name
        assert meta["captions"] == folder.captions(k)
        assert (meta["width"], meta["height"]) == (64, 64)
        png = Image.open(BytesIO(members["panoptic.png"]))
        assert np.array_equal(png_to_ids(png), folder.panoptic(k).ids)


def test_tokens_are_those_of_every_caption(
    shards: Path, folder: PanopticFolder, encoding: ShardEncoding
) -> None:
    _, members = groups(shards / "shard-000000.tar")[3]
    tokens = npy(members["tokens.npy"])
    assert tokens.dtype == np.int32
    assert np.array_equal(tokens, encoding.text.tokenize(folder.captions(3)))


@torch.inference_mode()
def test_moments_are_of_the_image_and_its_mirror_image(
    shards: Path, folder: PanopticFolder, encoding: ShardEncoding
) -> None:
    vae = encoding.vae
    for k, (_, members) in enumerate(groups(shards / "shard-000000.tar")):
        pixels = to_pixels(folder.image(k))
        latents = posterior(vae, torch.stack([pixels, pixels.flip(-1)]))
        std = latents.std / latent_statistics(vae)[1]
        expected = torch.cat([whiten(vae, latents.mean), std], dim=1)
        found = torch.from_numpy(npy(members["moments.npy"]))
        assert found.dtype == torch.float16
        torch.testing.assert_close(found.float(), expected, rtol=2e-3, atol=1e-3)


def test_image_prompts_are_written_on_request(
    encoding: ShardEncoding, folder: PanopticFolder, codec: PanopticCodec, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    swin = small_swin(64, 8, 24, (1, 1), 4).eval()
    with_prompts = replace(encoding, image_encoder=swin)
    ShardWriter(folder, with_prompts, tmp_path / "s", 12).write()
    batch = ShardDataset(tmp_path / "s", codec, 16).__getitems__([0, 7])
    pixels = to_pixels(folder.image(7))
    expected = encode_image_prompts(swin, torch.stack([pixels, pixels.flip(-1)]), 4)
    assert batch["prompt"].shape == (2, 2, 4, 48)
    torch.testing.assert_close(batch["prompt"][1].float(), expected, rtol=2e-3, atol=1e-3)
    with pytest.raises(InputError, match="shards of this image_encoder"):
        encoding.check(ShardIndex.read(tmp_path / "s/shards.json"))


def test_the_index_says_where_the_members_lie(shards: Path) -> None:
    index = ShardIndex.read(shards / "shards.json")
    assert [len(s) for s in index.shards] == [5, 5, 2]
    assert len(index) == 12
    assert (index.void, index.without_captions) == (False, 0)
    for record in index.shards:
        with tarfile.open(shards / record.name) as tar:
            found = [[m.offset_data, m.size] for m in tar]
        assert record.members.reshape(-1, 2).tolist() == found


def test_images_are_cut_to_the_square(encoding: ShardEncoding, tmp_path: Path) -> None:
    taxonomy = Taxonomy((Category(1, "ground", False), Category(2, "box", True)))
    ids = np.ones((80, 200), np.int32)
    ids[20:60, 80:130], ids[:, :8] = 2, 3
    panoptic = PanopticMap.from_ids(ids, {1: 1, 2: 2, 3: 2}, taxonomy, scores={2: 0.5})
    with FolderWriter(tmp_path / "data", taxonomy) as writer:
        writer.add(Image.new("RGB", (200, 80)), panoptic)
    data = PanopticFolder.open(tmp_path / "data")
    index = ShardWriter(data, encoding, tmp_path / "s").write()
    dataset = ShardDataset(tmp_path / "s", PanopticCodec(taxonomy), 16)
    assert dataset.panoptic(0) == fit_map(panoptic, SIZE)
    assert {s.id for s in dataset.panoptic(0).segments} == {1, 2}
    assert (dataset.meta(0)["width"], dataset.meta(0)["height"]) == (200, 80)
    assert index is not None
    assert index.without_captions == 1
    empty = encoding.text.tokenize([""]).expand(CAPTIONS, -1)
    assert torch.equal(dataset[0]["tokens"].long(), empty)


def test_threads_change_nothing(
    shards: Path, folder: PanopticFolder, encoding: ShardEncoding, tmp_path: Path
) -> None:
    ShardWriter(folder, encoding, tmp_path / "s", 5, workers=3).write()
    assert content(tmp_path / "s") == content(shards)


# Interruption, processes, wrong input


class StopsAt:
    """A folder whose image k cannot be read because the user interrupts."""

    def __init__(self, folder: PanopticFolder, k: int) -> None:
        self.folder, self.k = folder, k

    def __len__(self) -> int:
        return len(self.folder)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.folder, name)

    def image(self, k: int) -> Image.Image:
        if k == self.k:
            raise KeyboardInterrupt
        return self.folder.image(k)


@pytest.mark.parametrize("stop", [0, 4, 5, 9, 11])
def test_an_interrupted_run_goes_on(
    stop: int, shards: Path, folder: PanopticFolder, encoding: ShardEncoding, tmp_path: Path
) -> None:
    out, stopping = tmp_path / "s", StopsAt(folder, stop)
    with pytest.raises(KeyboardInterrupt):
        ShardWriter(stopping, encoding, out, 5).write()  # type: ignore[arg-type]
    finished = {p: p.stat().st_mtime_ns for p in out.glob("*.tar")}
    assert len(finished) == stop // 5
    with pytest.raises(InputError, match=r"a folder of shards with shards\.json"):
        verify(out)
    ShardWriter(folder, encoding, out, 5).write()
    assert content(out) == content(shards)
    assert {p: p.stat().st_mtime_ns for p in finished} == finished


def test_a_finished_run_is_left_alone(
    copied: Path, folder: PanopticFolder, encoding: ShardEncoding
) -> None:
    before = content(copied)
    done: list[tuple[int, int]] = []
    stopping = StopsAt(folder, 0)  # nothing is read
    writer = ShardWriter(stopping, encoding, copied, 5, progress=lambda *n: done.append(n))  # type: ignore[arg-type]
    assert writer.write() is not None
    assert content(copied) == before
    assert done == [(5, 12), (10, 12), (12, 12)]


def test_processes_share_the_work(
    shards: Path, folder: PanopticFolder, encoding: ShardEncoding, tmp_path: Path
) -> None:
    """The first waits for the others, whatever their order."""
    out = tmp_path / "s"
    found: list[ShardIndex | None] = []
    first = ShardWriter(folder, encoding, out, 5, rank=0, world=2)
    waiting = Thread(target=lambda: found.append(first.write()))
    waiting.start()
    assert ShardWriter(folder, encoding, out, 5, rank=1, world=2).write() is None
    waiting.join(60)
    assert [len(index) for index in found if index] == [12]
    assert content(out) == content(shards)


def test_a_torn_record_is_written_anew(
    shards: Path, folder: PanopticFolder, encoding: ShardEncoding, tmp_path: Path
) -> None:
    out = tmp_path / "s"
    ShardWriter(folder, encoding, out, 5, rank=1, world=2).write()
    (out / ".shard-000001.json").write_text('{"settings"')
    ShardWriter(folder, encoding, out, 5).write()
    assert content(out) == content(shards)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [Path.unlink, cut])
def test_a_missing_or_cut_shard_is_named_and_mended(
    damage: Callable[[Path], None],
    copied: Path,
    shards: Path,
    folder: PanopticFolder,
    encoding: ShardEncoding,
    codec: PanopticCodec,
) -> None:
    damage(copied / "shard-000001.tar")
    for read in (verify, lambda out: ShardDataset(out, codec, 16)):
        with pytest.raises(InputError, match=r"shard-000001\.tar of \d+ bytes, got .*; repeat"):
            read(copied)
    ShardWriter(folder, encoding, copied, 5).write()
    assert content(copied) == content(shards)


def flip_byte(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 255
    path.write_bytes(data)


def test_a_changed_byte_is_found(copied: Path) -> None:
    index = verify(copied)
    assert len(index) == 12
    flip_byte(copied / "shard-000002.tar", int(index.shards[2].members[0, 1, 0]) + 200)
    with pytest.raises(InputError, match=r"the shard shard-000002\.tar as it was written"):
        verify(copied)


@pytest.mark.parametrize("member", range(4))
def test_damage_is_told_when_it_is_read(member: int, copied: Path, codec: PanopticCodec) -> None:
    """Not every byte's damage shows, but that of a header does."""
    index = ShardIndex.read(copied / "shards.json")
    flip_byte(copied / "shard-000000.tar", int(index.shards[0].members[2, member, 0]))
    dataset = ShardDataset(copied, codec, 16)
    assert dataset[1]
    with pytest.raises(InputError, match=r"shard-000000\.tar as it was written.*--verify"):
        dataset[2]


def test_shards_that_were_exchanged_are_told(copied: Path, codec: PanopticCodec) -> None:
    """The first two are of one size here, so that opening sees nothing."""
    first, second = (copied / f"shard-00000{k}.tar" for k in (0, 1))
    shutil.copy(first, second)
    index = ShardIndex.read(copied / "shards.json")
    if second.stat().st_size != index.shards[1].size:
        pytest.skip("the shards differ in size")
    with pytest.raises(InputError, match=r"shard-000001\.tar as it was written"):
        ShardDataset(copied, codec, 16)[5]


def test_other_settings_are_refused(
    copied: Path, folder: PanopticFolder, encoding: ShardEncoding, tmp_path: Path
) -> None:
    before = content(copied)
    changed = {
        "shard_size": ShardWriter(folder, encoding, copied, 4),
        "encoders.size": ShardWriter(folder, replace(encoding, size=32), copied, 5),
        "encoders.precision": ShardWriter(folder, replace(encoding, precision="bf16"), copied, 5),
    }
    for name, writer in changed.items():
        with pytest.raises(InputError, match=f"got another {name}: .*; repeat that command"):
            writer.write()
    other = Path(shutil.copytree(folder.layout.panoptic_json.parent, tmp_path / "data"))
    (other / "captions.json").unlink()
    with pytest.raises(InputError, match=r"another data\.captions: None"):
        ShardWriter(PanopticFolder.open(other), encoding, copied, 5).write()
    assert content(copied) == before


def test_other_settings_are_refused_before_the_end(
    folder: PanopticFolder, encoding: ShardEncoding, tmp_path: Path
) -> None:
    ShardWriter(folder, encoding, tmp_path / "s", 5, rank=1, world=2).write()
    with pytest.raises(InputError, match="got another shard_size: 4, there 5"):
        ShardWriter(folder, encoding, tmp_path / "s", 4).write()


def test_other_weights_are_told(shards: Path, encoding: ShardEncoding, tiny_model: Path) -> None:
    index = ShardIndex.read(shards / "shards.json")
    encoding.check(index)
    replace(encoding, precision="bf16").check(index)
    vae = load_encoders(str(tiny_model)).vae
    vae.register_to_config(**{k: encoding.vae.config[k] for k in ("latents_mean", "latents_std")})
    replace(encoding, vae=vae).check(index)
    next(vae.parameters()).data += 1
    with pytest.raises(InputError, match="shards of this vae"):
        replace(encoding, vae=vae).check(index)


def test_folders_of_others_are_refused(
    folder: PanopticFolder, encoding: ShardEncoding, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"a new or empty folder, got notes\.txt in"):
        ShardWriter(folder, encoding, tmp_path, 5).write()
    with pytest.raises(InputError, match=r"a folder, got the file .*notes\.txt"):
        ShardWriter(folder, encoding, tmp_path / "notes.txt", 5).write()
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_an_image_of_another_size_than_its_map(
    toy_data: Path, encoding: ShardEncoding, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(toy_data, tmp_path / "data"))
    Image.new("RGB", (64, 60)).save(data / "images/000000000007.png")
    with pytest.raises(InputError, match=r"as its image 000000000007\.png, got .*\(64, 60\)"):
        ShardWriter(PanopticFolder.open(data), encoding, tmp_path / "s", 5).write()
    assert (tmp_path / "s/shard-000000.tar").exists()


def test_an_index_of_another_kind(copied: Path, codec: PanopticCodec) -> None:
    index = json.loads((copied / "shards.json").read_text())
    for change, message in (({"format": 2}, "shards of format 1"), ({"shards": [1]}, "correct")):
        (copied / "shards.json").write_text(json.dumps(index | change))
        with pytest.raises(InputError, match=message):
            ShardDataset(copied, codec, 16)
    with pytest.raises(InputError, match="run pandiff prepare"):
        ShardDataset(copied.parent, codec, 16)
    assert is_shards(copied)
    assert not is_shards(copied.parent)
    assert is_shards("https://host/shards")
