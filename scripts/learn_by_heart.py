"""Learn photographs and their panoptic maps by heart: the whole road on real data, in minutes.

    python scripts/learn_by_heart.py --data ../shared/coco_sample --out runs/by_heart

Reads a COCO panoptic dataset of a few photographs, encodes it, trains a small model on pixels,
without a VAE, by the ordinary training loop, finds the map of each photograph, makes photograph and
map from the caption, writes both as datasets, and scores them as `pandiff score` does. It fails if
the panoptic quality of the maps that it finds is not above --least.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from pandiff.coco import FolderWriter, PanopticFolder, write_json
from pandiff.data.frame import Frame
from pandiff.diffusion import PatternWeights
from pandiff.draw import grid
from pandiff.evaluation.score import score, summary
from pandiff.models.pixel_space import PixelSpace
from pandiff.models.small import small_clip, train_tokenizer
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis.folders import check_new
from pandiff.training.config import Optim, TrainConfig
from pandiff.training.loop import train

PATCH = 8
"""Side in pixels of a cell of the latent, and in cells of the map of what lies over it."""
WORDS, LENGTH = 500, 16
"""Size of the vocabulary, and tokens of a caption."""
SAMPLING_STEPS = 10
NAMES = ("codec", "codec_full", "found", "found_full", "made")
"""Of the datasets that are written and scored: see `answers`."""
Pair = tuple[Image.Image, PanopticMap]


def parser() -> argparse.ArgumentParser:
    """The options."""
    one = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    one.add_argument("--data", type=Path, required=True, help="dataset of a few photographs")
    one.add_argument("--out", type=Path, required=True, help="a new folder")
    one.add_argument("--size", type=int, default=256, help="side of photograph and map")
    one.add_argument("--steps", type=int, default=480)
    one.add_argument("--batch", type=int, default=2)
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--least", type=float, default=0.9, help="PQ that the maps must exceed")
    return one


def run(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Learn, sample, score; returns what metrics.json holds."""
    args = parser().parse_args(argv)
    check_new(args.out)
    folder = PanopticFolder.open(args.data)
    squares = args.out / "squares"
    captions = write_squares(folder, squares, args.size)
    write_encoders(captions, args.out / "encoders")
    start, work = time.monotonic(), time.process_time()
    model = train(settings(args), squares, args.out / "run")
    report: dict[str, Any] = {
        "setup": {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items()},
        "train_seconds": time.monotonic() - start,
        "train_cpu_seconds": time.process_time() - work,
    }
    pipe = PanopticDiffusionPipeline.from_pretrained(model)
    pipe.set_progress_bar_config(disable=True)
    framed = PanopticFolder.open(squares)
    pairs = answers(pipe, folder, framed, args.seed)
    for name, some in pairs.items():
        of, data = (folder, args.data) if name.endswith("full") else (framed, squares)
        report[name] = judge(of, data, some, args.out / name)
    write_json(args.out / "metrics.json", report)
    truth = [(folder.image(k), folder.panoptic(k)) for k in range(len(folder))]
    picture(truth, pairs["found_full"], pairs["made"]).save(args.out / "grid.png")
    return report


def write_squares(folder: PanopticFolder, out: Path, side: int) -> list[str]:
    """The photographs and maps, whole, in the model's square; returns the captions.

    A photograph without captions is called by the categories that are in it.
    """
    captions = []
    with FolderWriter(out, folder.taxonomy) as writer:
        for k in range(len(folder)):
            photo, panoptic = folder.image(k), folder.panoptic(k)
            frame = Frame(photo.size, side)
            names = dict.fromkeys(
                folder.taxonomy.by_id(s.category_id).name for s in panoptic.segments
            )
            captions.append((folder.captions(k) or [", ".join(names)])[0])
            writer.add(frame.place(photo), frame.place_map(panoptic), captions[-1:])
    return captions


def write_encoders(captions: Sequence[str], out: Path) -> None:
    """Pixels for a VAE, and a small text encoder as it is made: the words need only differ."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer(captions, WORDS, LENGTH)
    ends = tokenizer.bos_token_id, tokenizer.eos_token_id
    clip = small_clip(len(tokenizer), *ends, image_size=32, length=LENGTH, width=64, layers=1)
    PixelSpace(PATCH).save_pretrained(out / "vae")
    clip.text_model.save_pretrained(out / "text_encoder")
    tokenizer.save_pretrained(out / "tokenizer")


def settings(args: argparse.Namespace) -> TrainConfig:
    """A small network that sees the map at the photograph's own resolution; 64 tokens each."""
    return TrainConfig(
        "pdm",
        steps=args.steps,
        batch_size=args.batch,
        size=args.size,
        seed=args.seed,
        ratio=PATCH,
        encoders=str(args.out / "encoders"),
        model={
            "patch_size": args.size // PATCH // 8,
            "width": 192,
            "depth": 5,
            "image_prediction": "sample",
        },
        optim=Optim(name="muon", lr=1.5e-3, warmup=20, cooldown=0.5, ema=0.98),
        patterns=PatternWeights(0.4, 0.05, 0.5, 0.05, 0, 0),
        map_weight=4.0,
        min_area=2,
        save_every=args.steps,
        preview_every=10**9,
    )


def answers(
    pipe: PanopticDiffusionPipeline, folder: PanopticFolder, squares: PanopticFolder, seed: int
) -> dict[str, list[Pair]]:
    """What the codec keeps of each map, what the model finds in each photograph, what it makes.

    Those called full have the photograph's own size, the others are the model's square.
    """
    codec, side, each = pipe.panoptic_codec, pipe.image_size, range(len(folder))
    photos, placed = ([f.image(k) for k in each] for f in (folder, squares))
    kept = [codec.decode(codec.encode(squares.panoptic(k))) for k in each]
    cut = [Frame(one.size, side).cut_map(m) for one, m in zip(photos, kept, strict=True)]
    return {
        "codec": list(zip(placed, kept, strict=True)),
        "codec_full": list(zip(photos, cut, strict=True)),
        "found": generate(pipe, [""] * len(placed), seed, image=placed),
        "found_full": generate(pipe, [""] * len(photos), seed, image=photos),
        "made": generate(pipe, [squares.captions(k)[0] for k in each], seed),
    }


def generate(
    pipe: PanopticDiffusionPipeline, prompts: Sequence[str], seed: int, **given: Any
) -> list[Pair]:
    """A sample for each prompt, without guidance."""
    seeds = [torch.Generator().manual_seed(seed + k) for k in range(len(prompts))]
    options = {"num_inference_steps": SAMPLING_STEPS, "guidance_scale": 1.0, "generator": seeds}
    out = pipe(prompts, **options, **given)
    return list(zip(out.images, out.maps, strict=True))


def judge(folder: PanopticFolder, data: Path, some: Sequence[Pair], out: Path) -> dict[str, Any]:
    """Write the pairs as a dataset and score it against the one they answer."""
    with FolderWriter(out, folder.taxonomy) as writer:
        for record, (image, panoptic) in zip(folder.images, some, strict=True):
            writer.add(image, panoptic, file_name=record.file_name)
    return score(data, out)


def picture(truth: Sequence[Pair], found: Sequence[Pair], made: Sequence[Pair]) -> Image.Image:
    """A row for each photograph: it and its map, the map found in it, what its caption made."""
    cut = []
    for (photo, _), (image, panoptic) in zip(truth, made, strict=True):
        frame = Frame(photo.size, image.width)
        cut.append((frame.cut(image), frame.cut_map(panoptic)))
    images, maps = zip(
        *(p for row in zip(truth, found, cut, strict=True) for p in row), strict=True
    )
    words = ["photograph and true map", "the map found in it", "made from the caption"]
    return grid(images, maps=maps, prompts=words * len(truth), columns=3, side=512)


def main() -> None:
    """Run, and fail if the maps are not good enough."""
    report = run()
    for name in NAMES:
        print(f"{name}: {summary(report[name])}")
    reached, least = report["found"]["pq"]["all"]["pq"], report["setup"]["least"]
    if reached <= least:
        sys.exit(f"expected PQ above {least}, got {reached:.4f}; learn for more --steps")


if __name__ == "__main__":
    main()
