"""At which noise levels does a prompt tell the network anything? The table for docs/log.md.

    pandiff scenes --count 128 --seed 1 --size 128 --out out/val
    python scripts/measure_levels.py --model scenes --data out/val --out out/levels

Both streams are noised to one level. The losses of image and map, without any prompt, with the
caption, with the image as image prompt, and with both: what a prompt does not lower at a level,
the noisy pair itself tells already. Levels at which it tells nothing teach nothing about it.
Writes levels.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from pandiff.diffusion import PATTERNS
from pandiff.diffusion.schedule import NUM_LEVELS
from pandiff.training.config import TrainConfig
from pandiff.training.pdm_task import PdmTask
from pandiff.training.task import Tensors

CONDITIONS = {
    "none": (False, False),
    "caption": (True, False),
    "image prompt": (False, True),
    "both": (True, True),
}
"""Whether there is a caption, and an image prompt."""
LEVELS = (0.6, 0.8, 0.9, 0.95, 0.99)
"""Shares of the highest level."""


def draws_at(
    task: PdmTask, count: int, level: float, caption: bool, prompt: bool, seed: int
) -> Tensors:
    """What a step draws, at one level and under one condition; all else is the seed's."""
    draws = task.draw(count, torch.Generator().manual_seed(seed))
    draws["pattern"] = torch.full((count,), PATTERNS.index("joint"))
    draws["t"] = torch.full((count, 2), round(level * NUM_LEVELS))
    draws["known"] = torch.zeros_like(draws["known"])
    draws["drop"] = torch.full((count,), not caption)
    draws["prompted"] = torch.full((count,), prompt)
    return draws


@torch.inference_mode()
def losses(
    task: PdmTask, count: int, level: float, caption: bool, prompt: bool, seed: int, batch: int
) -> dict[str, float]:
    """Mean losses of image and map over the first samples."""
    rows: list[Tensors] = []
    for start in range(0, count, batch):
        some = task.dataset.__getitems__(list(range(start, min(start + batch, count))))
        size = len(some["latents"])
        draws = draws_at(task, size, level, caption, prompt, seed + start)
        rows += [task.losses(task.network, some, draws)] * size
    return {name: torch.stack([r[name] for r in rows]).mean().item() for name in ("image", "map")}


def main() -> None:
    """Measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="scenes")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--count", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--size", type=int, default=128, help="side of the model's images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    config = TrainConfig("pdm", init=args.model, size=args.size, ratio=2)
    cache = args.out / "encoded.safetensors"
    task = PdmTask(config, args.data, torch.device("cpu"), cache)
    task.network.eval()
    count = min(args.count, len(task.dataset))
    table = {
        level: {
            name: losses(task, count, level, *condition, args.seed, args.batch)
            for name, condition in CONDITIONS.items()
        }
        for level in LEVELS
    }
    text = json.dumps({"settings": vars(args), "losses": table}, default=str, indent=1)
    (args.out / "levels.json").write_text(text)
    heads = [f"{name}: {part}" for part in ("map", "image") for name in CONDITIONS]
    print("| level | " + " | ".join(heads) + " |\n|" + "---|" * (1 + len(heads)))
    for level, row in table.items():
        cells = [f"{row[name][part]:.3f}" for part in ("map", "image") for name in CONDITIONS]
        print(f"| {level} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
