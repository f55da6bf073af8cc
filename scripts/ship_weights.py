"""Put a trained pipeline into the package: small files, and only if it scores better.

    python scripts/ship_weights.py --model runs/scenes/model --metrics out/evaluation/metrics.json \
        --also out/tries/metrics.json

`metrics.json` is what `pandiff evaluate --data scenes` wrote for that model, and the second, kept
as `metrics_tries.json`, what it wrote with the settings of the card's second column. The network
and the image encoder are stored in float16, whose rounding is far below what sampling shows, in
files of 15 MB at most.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import torch

from pandiff.errors import InputError
from pandiff.pipeline import BUILT_IN, PanopticDiffusionPipeline

HEADLINE = (("truth_map", "categories"), ("truth_map", "counts"), ("pair", "pq_all_ratio"))
"""What is averaged to compare two models."""


def headline(metrics: dict[str, Any]) -> float:
    """Mean of the headline figures, each in 0..1."""
    values = [float(metrics["metrics"][section][key]["value"]) for section, key in HEADLINE]
    return sum(values) / len(values)


def forget_origin(folder: Path) -> None:
    """Take the path that a model was loaded from out of its configurations."""
    for file in folder.rglob("*.json"):
        content = json.loads(file.read_text())
        if isinstance(content, dict) and content.pop("_name_or_path", None) is not None:
            file.write_text(json.dumps(content, indent=2) + "\n")


def main() -> None:
    """Compare, then replace the shipped model whole."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--metrics", type=Path, required=True)
    parser.add_argument("--also", type=Path, required=True)
    parser.add_argument("--name", default="scenes")
    args = parser.parse_args()
    target = BUILT_IN / args.name
    metrics = json.loads(args.metrics.read_text())
    if (target / "metrics.json").exists():
        old = headline(json.loads((target / "metrics.json").read_text()))
        if headline(metrics) <= old:
            raise InputError(f"a score above {old:.3f}", f"{headline(metrics):.3f}", "train on")
    fresh = target.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    pipe = PanopticDiffusionPipeline.from_pretrained(args.model)
    for network in (pipe.transformer, pipe.image_encoder):
        if network is not None:
            network.to(torch.float16)
    pipe.save_pretrained(fresh, max_shard_size="15MB")
    (fresh / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    shutil.copy(args.also, fresh / "metrics_tries.json")
    forget_origin(fresh)
    if (target / "README.md").exists():
        shutil.copy(target / "README.md", fresh)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    print(f"{target}: {headline(metrics):.3f}")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"ship_weights: error: {error}")
