"""Shards as a dataset: from a folder and from an address."""

from __future__ import annotations

import http.server
import pickle
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from pandiff.coco import FolderWriter, PanopticFolder
from pandiff.codec import PanopticCodec
from pandiff.data.encoded import CAPTIONS
from pandiff.data.shards import ShardDataset, ShardEncoding, ShardWriter, source, view
from pandiff.data.shards.view import LABELS
from pandiff.errors import InputError
from pandiff.models.encoders import posterior, to_pixels, whiten
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy

Batch = dict[str, torch.Tensor]


def npy(tar: tarfile.TarFile, name: str) -> np.ndarray:
    file = tar.extractfile(name)
    assert file is not None
    array: np.ndarray = np.load(BytesIO(file.read()), allow_pickle=False)
    return array


def test_a_batch(shards: Path, folder: PanopticFolder, codec: PanopticCodec) -> None:
    dataset = ShardDataset(shards, codec, 16)
    assert len(dataset) == 12
    indices = [11, 0, 6, 11]
    batch = dataset.__getitems__(indices)
    assert {name: (t.shape, t.dtype) for name, t in batch.items()} == {
        "moments": ((4, 2, 8, 8, 8), torch.float16),
        "category": ((4, 16, 16), torch.uint8),
        "instance": ((4, 16, 16), torch.uint8),
        "color": ((4, 16, 16), torch.uint8),
        "tokens": ((4, CAPTIONS, 12), torch.int32),
    }
    for row, k in enumerate(indices):
        labels = codec.prepare(folder.panoptic(k), (16, 16))
        for name, expected in labels._asdict().items():
            assert np.array_equal(batch[name][row], expected)
        with tarfile.open(shards / f"shard-{k // 5:06d}.tar") as tar:
            moments, two = (npy(tar, f"{k:09d}.{name}.npy") for name in ("moments", "tokens"))
        assert np.array_equal(batch["moments"][row], moments)
        assert np.array_equal(batch["tokens"][row], two[[0, 1, 0, 1, 0]])
    with pytest.raises(IndexError):
        dataset[12]
    with pytest.raises(InputError, match="a codec of the shards' taxonomy"):
        ShardDataset(shards, PanopticCodec(Taxonomy((Category(1, "a", True),))), 16)


def same(one: Batch, other: Batch) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_datasets_are_sent_to_other_processes(shards: Path, codec: PanopticCodec) -> None:
    dataset = ShardDataset(shards, codec, 16)
    expected = dataset.__getitems__([0, 5, 11])
    sent = pickle.loads(pickle.dumps(dataset))
    assert not sent.reader._open
    assert same(sent.__getitems__([0, 5, 11]), expected)


def test_few_files_are_open_at_once(shards: Path, codec: PanopticCodec) -> None:
    dataset = ShardDataset(shards, codec, 16)
    expected = dataset.__getitems__([0, 5, 11, 1])
    dataset.reader.close()
    dataset.reader.source = replace(dataset.reader.source, files=1)  # type: ignore[type-var]
    assert same(dataset.__getitems__([0, 5, 11, 1]), expected)
    assert list(dataset.reader._open) == [0]


def test_crowds_train_as_void(encoding: ShardEncoding, tmp_path: Path) -> None:
    taxonomy = Taxonomy((Category(1, "ground", False), Category(5, "person", True)))
    ids = np.ones((64, 64), np.int32)
    ids[:32, :32], ids[32:, 32:] = 2, 3
    panoptic = PanopticMap.from_ids(ids, {1: 1, 2: 5, 3: 5}, taxonomy, crowds=[3])
    with FolderWriter(tmp_path / "data", taxonomy) as writer:
        writer.add(Image.new("RGB", (64, 64)), panoptic, ["a person before a crowd"])
    index = ShardWriter(PanopticFolder.open(tmp_path / "data"), encoding, tmp_path / "s").write()
    assert index is not None
    assert index.void
    dataset = ShardDataset(tmp_path / "s", PanopticCodec(taxonomy), 2)
    assert dataset.panoptic(0) == panoptic, "nothing is lost on disk"
    assert dataset[0]["category"].tolist() == [[2, 1], [1, 0]]
    assert dataset[0]["instance"].tolist() == [[1, 0], [0, 0]]


@torch.inference_mode()
def test_views_are_of_the_image_or_its_mirror_image(
    shards: Path, folder: PanopticFolder, codec: PanopticCodec, encoding: ShardEncoding
) -> None:
    batch = ShardDataset(shards, codec, 16).__getitems__([3, 3, 8])
    flip, noise = torch.tensor([False, True, True]), torch.randn(3, 4, 8, 8)
    found = view(batch, flip, noise)
    maps = [folder.panoptic(3), folder.panoptic(3).flip(), folder.panoptic(8).flip()]
    pixels = torch.stack([to_pixels(folder.image(k)) for k in (3, 3, 8)])
    pixels = torch.where(flip[:, None, None, None], pixels.flip(-1), pixels)
    latents = posterior(encoding.vae, pixels)
    expected = whiten(encoding.vae, latents.mean + latents.std * noise)
    torch.testing.assert_close(found["latents"], expected, rtol=5e-3, atol=5e-3)
    for row, panoptic in enumerate(maps):
        labels = codec.prepare(panoptic, (16, 16))
        assert np.array_equal(found["category"][row], labels.category)
        assert np.array_equal(found["instance"][row] > 0, labels.instance > 0)
        mirrored = [batch[n][row].flip(-1) if flip[row] else batch[n][row] for n in LABELS]
        assert all(torch.equal(found[n][row], m) for n, m in zip(LABELS, mirrored, strict=True))
    assert torch.equal(found["tokens"], batch["tokens"])
    assert "image_prompt" not in found
    prompted = view({**batch, "prompt": torch.arange(6).view(3, 2, 1, 1)}, flip, noise)
    assert prompted["image_prompt"].flatten().tolist() == [0, 3, 5]


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("workers", [0, 2])
def test_any_number_of_workers(workers: int, shards: Path, codec: PanopticCodec) -> None:
    """Forked ones too, which take over the files that are open."""
    dataset = ShardDataset(shards, codec, 16)
    batches = [[0, 5], [11, 1], [6, 6], [10, 0]]
    expected = [dataset.__getitems__(b) for b in batches]
    assert dataset.reader._open
    loader = DataLoader(dataset, batch_sampler=batches, num_workers=workers, collate_fn=as_is)
    assert all(same(*pair) for pair in zip(loader, expected, strict=True))


def as_is(batch: Batch) -> Batch:
    return batch


# From an address


@dataclass
class Server:
    """A server of one folder.

    Attributes:
        url: its address.
        asked: the files asked for, in order.
        failures: how many requests from now on it breaks off.
    """

    url: str = ""
    asked: list[str] = field(default_factory=list)
    failures: int = 0


class Handler(http.server.SimpleHTTPRequestHandler):
    """Notes what is asked for."""

    def __init__(self, state: Server, *others: object, directory: str) -> None:
        self.state = state
        super().__init__(*others, directory=directory)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.state.asked.append(self.path.rpartition("/")[2])
        if self.state.failures:
            self.state.failures -= 1
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, *message: object) -> None:
        """Be silent."""


@pytest.fixture
def server(copied: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serves the folder `copied`."""
    monkeypatch.setattr(source, "PAUSE", 0.01)
    state = Server()
    handler = partial(Handler, state, directory=str(copied))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        state.url = f"http://127.0.0.1:{served.server_port}"
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield state
        served.shutdown()
        thread.join()


def test_streamed_is_as_read(
    server: Server, shards: Path, codec: PanopticCodec, tmp_path: Path
) -> None:
    local = ShardDataset(shards, codec, 16)
    for _ in range(2):
        far = ShardDataset(server.url + "/", codec, 16, cache=tmp_path / "cache")
        assert len(far) == 12
        assert same(far.__getitems__([0, 11, 4, 0]), local.__getitems__([0, 11, 4, 0]))
    tars = ["shard-000000.tar", "shard-000002.tar"]
    assert server.asked == ["shards.json", *tars, "shards.json"], "each shard once, when needed"
    assert sorted(p.name for p in (tmp_path / "cache").glob("*.tar")) == tars


def test_any_address_that_fsspec_knows(
    copied: Path, shards: Path, codec: PanopticCodec, tmp_path: Path
) -> None:
    far = ShardDataset(f"file://{copied}", codec, 16, cache=tmp_path / "cache")
    assert same(far[7], ShardDataset(shards, codec, 16)[7])


def test_the_cache_is_bounded(
    server: Server, shards: Path, codec: PanopticCodec, tmp_path: Path
) -> None:
    far = ShardDataset(server.url, codec, 16, cache=tmp_path / "c", cache_shards=2)
    local = ShardDataset(shards, codec, 16)
    for k, left in ((0, [0]), (5, [0, 1]), (1, [0, 1]), (10, [1, 2]), (0, [0, 2])):
        assert same(far[k], local[k])
        found = sorted(p.name for p in (tmp_path / "c").glob("*.tar"))
        assert found == [f"shard-{n:06d}.tar" for n in left]
    assert len(far.reader._open) == 2
    with pytest.raises(InputError, match="cache_shards of 1 or more"):
        ShardDataset(server.url, codec, 16, cache=tmp_path / "c", cache_shards=0)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_processes_share_the_cache(server: Server, codec: PanopticCodec, tmp_path: Path) -> None:
    """Two workers that want one shard at once fetch it once."""
    far = ShardDataset(server.url, codec, 16, cache=tmp_path / "c")
    batches = [[0, 5, 10], [1, 6, 11], [2, 7, 10], [3, 8, 11]]
    loader = DataLoader(far, batch_sampler=batches, num_workers=2, collate_fn=as_is)
    assert len(list(loader)) == 4
    assert sorted(server.asked) == [*(f"shard-{n:06d}.tar" for n in range(3)), "shards.json"]


def test_the_users_cache_is_the_default(
    server: Server, codec: PanopticCodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    ShardDataset(server.url, codec, 16)[0]
    assert len(list((tmp_path / "home/pandiff/shards").glob("*/shard-000000.tar"))) == 1


def test_a_failing_network_is_tried_again(
    server: Server, codec: PanopticCodec, tmp_path: Path
) -> None:
    server.failures = 2
    far = ShardDataset(server.url, codec, 16, cache=tmp_path / "c")
    server.failures = source.TRIES - 1
    assert far[0]
    server.failures = source.TRIES
    with pytest.raises(InputError, match=r"a readable http.*shard-000002\.tar, got HTTP Error 503"):
        far[11]


def test_what_was_changed_on_the_way_is_refused(
    server: Server, copied: Path, codec: PanopticCodec, tmp_path: Path
) -> None:
    far = ShardDataset(server.url, codec, 16, cache=tmp_path / "c")
    tar = copied / "shard-000001.tar"
    tar.write_bytes(tar.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match=r"shard-000001\.tar, got another checksum"):
        far[5]
    assert not list((tmp_path / "c").glob("*.tar"))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://127.0.0.1:9/x", r"a readable http://127\.0\.0\.1:9/x/shards\.json, got"),
        ("odd://x", "an address to read"),
        ("file:///no/such", "a readable file:///no/such/shards"),
    ],
)
def test_wrong_addresses(
    address: str, message: str, codec: PanopticCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PAUSE", 0)
    with pytest.raises(InputError, match=message):
        ShardDataset(address, codec, 16)
