"""What all tests share: reference data, hypothesis' profile, one thread a process."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from pandiff.pipeline import PanopticDiffusionPipeline

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def load_script() -> Callable[[str], ModuleType]:
    """Loads a script of scripts/ by its name, as a module."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, ROOT / f"scripts/{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # where dataclasses look for it
        spec.loader.exec_module(module)
        return module

    return load


EXAMPLE = re.compile(
    r"^(?P<skip><!-- not run: [^\n]+ -->\n+)?```(?P<language>python|bash)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@pytest.fixture
def run_page(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """Runs the examples of a page of docs/, in order, in one empty folder; gives their names.

    A block is left out only if an HTML comment `<!-- not run: reason -->` stands right before it.
    Of a shell example `change` may make a smaller one; `pandiff` is this environment's.
    """

    def run(page: str, change: Callable[[str], str] = str) -> dict[str, Any]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        names: dict[str, Any] = {"__name__": "__docs__"}
        blocks = EXAMPLE.finditer((root / "docs" / page).read_text(encoding="utf-8"))
        for block in [m for m in blocks if not m["skip"]]:
            if block["language"] == "python":
                exec(compile(block["code"], page, "exec"), names)
                continue
            code = change(block["code"])
            bash = ["bash", "-euo", "pipefail", "-c", code]
            done = subprocess.run(bash, capture_output=True, text=True, timeout=600)
            assert done.returncode == 0, f"{code}\n{done.stderr}"
        return names

    return run


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data: beside the project, or where PANDIFF_SHARED points."""
    folder = Path(os.environ.get("PANDIFF_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("no reference data: set PANDIFF_SHARED to its folder")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what reads reference data, so that `-m 'not shared'` leaves it out."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.shared)


def pytest_collection_finish() -> None:
    """Hold torch to one thread, for the tests run in parallel; it is not imported for this."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture
def in_two_processes(tmp_path: Path) -> Callable[[Callable[[int], None]], None]:
    """Do some work, which is given its rank, in two real processes that talk through gloo."""
    from torch import distributed as dist
    from torch.multiprocessing.spawn import start_processes

    def process(rank: int, work: Callable[[int], None]) -> None:
        dist.init_process_group("gloo", f"file://{tmp_path}/store", rank=rank, world_size=2)
        work(rank)
        dist.destroy_process_group()

    return lambda work: start_processes(process, (work,), nprocs=2, start_method="fork")


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder: twelve pictures of 64 px with one or two boxes on the ground."""
    import numpy as np
    from PIL import Image

    from pandiff.coco import FolderWriter
    from pandiff.panoptic import PanopticMap
    from pandiff.taxonomy import Category, Taxonomy

    taxonomy = Taxonomy(
        (Category(1, "ground", False), Category(2, "sky", False), Category(7, "box", True))
    )
    random, path = np.random.default_rng(0), tmp_path_factory.mktemp("toy") / "data"
    with FolderWriter(path, taxonomy) as writer:
        for k in range(12):
            ids = np.ones((64, 64), np.int32)
            ids[: random.integers(16, 32)] = 2
            for box in range(1 + k % 2):
                y, x = random.integers(8, 40), 4 + 32 * box
                ids[y : y + 20, x : x + 20] = 3 + box
            panoptic = PanopticMap.from_ids(ids, {1: 1, 2: 2, 3: 7, 4: 7}, taxonomy)
            colors = np.array([[0, 0, 0], [60, 140, 60], [120, 180, 240], *[[200, 40, 40]] * 2])
            pixels = (colors[ids] + random.integers(-20, 20, 3)).clip(0, 255).astype(np.uint8)
            caption = "two red boxes on the ground" if k % 2 else "a red box"
            writer.add(Image.fromarray(pixels), panoptic, [caption, f"{caption} below the sky"])
    return path


@pytest.fixture(scope="session")
def tiny_model(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pipeline of 64 px with small random weights, for the boxes of `toy_data`."""
    import torch
    from diffusers import DPMSolverMultistepScheduler

    from pandiff.coco import PanopticFolder
    from pandiff.codec import PanopticCodec
    from pandiff.models.encoders import latent_factor
    from pandiff.models.small import small_clip, small_vae, train_tokenizer
    from pandiff.models.unified import UnifiedPDM
    from pandiff.pipeline import PanopticDiffusionPipeline

    torch.manual_seed(0)
    folder = PanopticFolder.open(toy_data)
    captions = [c for k in range(len(folder)) for c in folder.captions(k)]
    tokenizer = train_tokenizer(captions, 100, 12)
    special = tokenizer.bos_token_id, tokenizer.eos_token_id
    clip = small_clip(len(tokenizer), *special, image_size=64, length=12, width=32, layers=1)
    vae, codec = small_vae(4, (8, 16)), PanopticCodec(folder.taxonomy)
    transformer = UnifiedPDM(
        sample_size=64 // latent_factor(vae),
        image_channels=4,
        map_channels=codec.channels,
        ratio=2,
        patch_size=4,
        width=32,
        depth=3,
        heads=2,
        context_dim=32,
        context_length=12,
    )
    torch.nn.init.normal_(transformer.image_unembed.weight, std=0.1)
    pipe = PanopticDiffusionPipeline(
        vae=vae,
        text_encoder=clip.text_model,
        tokenizer=tokenizer,
        transformer=transformer,
        scheduler=DPMSolverMultistepScheduler(solver_order=2),
        codec=codec.to_config(),
    )
    path = tmp_path_factory.mktemp("tiny") / "model"
    pipe.save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of tiny models as the hub has them: sd15, pixart and sd3 (diffusers), and swin."""
    import json

    import torch
    from diffusers import AutoencoderKL
    from safetensors.torch import load_file, save_file
    from transformers import (
        CLIPTextConfig,
        CLIPTextModel,
        CLIPTextModelWithProjection,
        Swinv2Config,
        Swinv2ForImageClassification,
        T5Config,
        T5EncoderModel,
        T5Tokenizer,
    )

    torch.manual_seed(0)
    root, letters = tmp_path_factory.mktemp("hub"), "abcdefghijklmnopqrstuvwxyz!"
    bos, eos = "<|startoftext|>", "<|endoftext|>"

    def vae(folder: Path, channels: int, **statistics: float) -> None:
        model = AutoencoderKL(
            block_out_channels=(8, 8),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            norm_num_groups=4,
            latent_channels=channels,
            **statistics,
        )
        model.save_pretrained(folder / "vae")

    def clip_tokenizer(folder: Path, pad: str) -> None:
        """The files of a slow tokenizer."""
        words = [*letters, *(f"{c}</w>" for c in letters), "re", "red</w>", bos, eos]
        special = {"bos_token": bos, "eos_token": eos, "unk_token": eos, "pad_token": pad}
        settings = {**special, "tokenizer_class": "CLIPTokenizer", "model_max_length": 77}
        folder.mkdir(parents=True)
        (folder / "vocab.json").write_text(json.dumps({w: k for k, w in enumerate(words)}))
        (folder / "merges.txt").write_text("#version: 0.2\nr e\nre d</w>\n")
        (folder / "special_tokens_map.json").write_text(json.dumps(special))
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))

    def clip(folder: Path, kind: type, width: int, layers: int) -> None:
        """A CLIP with the names of the weights, and the end token, that the hub's have."""
        config = CLIPTextConfig(
            vocab_size=58, hidden_size=width, intermediate_size=32, num_hidden_layers=layers,
            num_attention_heads=2, projection_dim=width, eos_token_id=2,
        )  # fmt: skip
        kind(config).save_pretrained(folder)
        weights = load_file(folder / "model.safetensors")
        old = {k if k.startswith("text_") else f"text_model.{k}": v for k, v in weights.items()}
        old["text_model.embeddings.position_ids"] = torch.arange(77)[None]
        save_file(old, folder / "model.safetensors", metadata={"format": "pt"})

    def t5(folder: Path, suffix: str, length: int) -> None:
        pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), ("▁red", -1.0)]
        vocab = [*pieces, *((c, -3.0) for c in letters)]
        tokenizer = T5Tokenizer(vocab=vocab, extra_ids=4, model_max_length=length)
        tokenizer.save_pretrained(folder / f"tokenizer{suffix}")
        config = T5Config(vocab_size=40, d_model=48, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
                          feed_forward_proj="gated-gelu")  # fmt: skip
        model = T5EncoderModel(config)
        model.save_pretrained(folder / f"text_encoder{suffix}", max_shard_size="20KB")

    vae(root / "sd15", 4, scaling_factor=0.18215)
    clip(root / "sd15/text_encoder", CLIPTextModel, 32, 2)
    clip_tokenizer(root / "sd15/tokenizer", eos)
    vae(root / "pixart", 4)
    t5(root / "pixart", "", 120)
    vae(root / "sd3", 16, scaling_factor=1.5, shift_factor=0.06)
    clip(root / "sd3/text_encoder", CLIPTextModelWithProjection, 16, 2)
    clip(root / "sd3/text_encoder_2", CLIPTextModelWithProjection, 24, 3)
    clip_tokenizer(root / "sd3/tokenizer", eos)
    clip_tokenizer(root / "sd3/tokenizer_2", "!")
    t5(root / "sd3", "_3", 512)
    swin = Swinv2Config(
        image_size=32, patch_size=4, embed_dim=24, depths=[1, 1], num_heads=[1, 2], window_size=4
    )
    Swinv2ForImageClassification(swin).save_pretrained(root / "swin")
    parts = {p.parent.name: [p.name for p in p.parent.iterdir()] for p in root.glob("*/vae")}
    for name, components in parts.items():
        index = {"_class_name": "AnyPipeline", **{c: ["a_library", "AClass"] for c in components}}
        (root / name / "model_index.json").write_text(json.dumps(index))
    return root


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> PanopticDiffusionPipeline:
    """The pipeline of `tiny_model`, quiet."""
    from pandiff.pipeline import PanopticDiffusionPipeline

    pipe = PanopticDiffusionPipeline.from_pretrained(tiny_model)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture
def pipe(
    loaded: PanopticDiffusionPipeline, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PanopticDiffusionPipeline]:
    """It in float32, as it is where the processor has no bf16; its scheduler is put back."""
    monkeypatch.setattr(type(loaded), "_autocast", lambda self: nullcontext())
    scheduler = loaded.scheduler
    yield loaded
    loaded.scheduler = scheduler
