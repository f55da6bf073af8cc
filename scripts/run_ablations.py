"""The ablations of docs/experiments.md: small models, equal budget, several seeds, one command.

    python scripts/run_ablations.py --out runs/ablations --report docs/experiments.md

Renders scenes of 64 px and encodes them once, then trains and measures every variant with every
seed. Each leaves a file of results in --out/results, and is not run again; a training that was cut
off goes on. The tables of the page are written from what is there. `ablations/variants.py` lists
the variants, the most important first.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ablations.measure import Judge, measure, rendered
from ablations.tables import TABLES, fill
from ablations.tasks import Ablation
from ablations.variants import SIZE, Scale, Variant, named

from pandiff.coco import read_json, write_json
from pandiff.coco.files import atomic_text
from pandiff.data.scenes import write_scenes
from pandiff.evaluation.machine import machine, versions
from pandiff.evaluation.scenes_report import subjects
from pandiff.pipeline import BUILT_IN, load_encoders
from pandiff.training.loop import train

ENCODERS = ("vae", "text_encoder", "tokenizer")
RENDERED = "rendered"
"""The scenes themselves, beside the variants."""


def parser() -> argparse.ArgumentParser:
    """The options."""
    one = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    one.add_argument("--out", type=Path, required=True, help="folder of scenes, runs and results")
    one.add_argument("--variants", nargs="+", help="names, in the order to run; all by default")
    one.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    one.add_argument("--steps", type=int, default=240, help="of each training")
    one.add_argument("--batch", type=int, default=16)
    one.add_argument("--width", type=int, default=128)
    one.add_argument("--depth", type=int, default=3)
    one.add_argument("--scenes", type=int, default=2400, help="in the training set")
    one.add_argument("--samples", type=int, default=96, help="unseen scenes measured on")
    one.add_argument("--references", type=int, default=384, help="others, to compare images with")
    one.add_argument("--report", type=Path, help="page whose tables are written")
    one.add_argument("--only-report", action="store_true", help="run nothing")
    return one


def run(argv: Sequence[str] | None = None) -> dict[str, list[dict[str, Any]]]:
    """Run what is missing; returns the results by variant."""
    args = parser().parse_args(argv)
    scale = Scale(args.steps, args.batch, args.scenes, args.samples, args.references,
                  args.width, args.depth)  # fmt: skip
    variants = named(args.variants)
    check_scale(args.out, scale)
    if not args.only_report:
        judge = prepare(args.out, scale)
        for variant in variants:
            for seed in args.seeds:
                if not result_file(args.out, variant.name, seed).exists():
                    one_run(args.out, scale, variant, seed, judge)
                    report(args.out, args.report)
    return report(args.out, args.report)


def check_scale(out: Path, scale: Scale) -> None:
    """Hold a folder to one scale: results of different budgets are not to be compared."""
    file = out / "scale.json"
    if file.exists() and (begun := Scale(**read_json(file))) != scale:
        sys.exit(f"expected the scale of {out}, {begun}, got {scale}; use another --out")
    write_json(file, vars(scale))


def prepare(out: Path, scale: Scale) -> Judge:
    """Scenes to train on, encoders, and what measures; the ceilings are measured once."""
    write_scenes(out / "scenes", scale.scenes, seed=0, size=SIZE)
    for part in ENCODERS:
        shutil.copytree(BUILT_IN / "scenes" / part, out / "encoders" / part, dirs_exist_ok=True)
    vae = load_encoders(str(out / "encoders")).vae
    judge = Judge(subjects(scale.samples, SIZE), vae, scale.references)
    file = result_file(out, RENDERED, 0)
    if not file.exists():
        write_json(file, {"variant": RENDERED, "seed": 0, "measures": rendered(judge)})
    return judge


def one_run(out: Path, scale: Scale, variant: Variant, seed: int, judge: Judge) -> None:
    """Train and measure one variant with one seed, and write the result."""
    config = variant.config(scale, seed, str(out / "encoders"))
    if variant.backbone is not None:
        config = replace(config, backbone=str(stand_on(out, scale, variant.backbone, seed, judge)))
    tasks: list[Ablation] = []

    def make(*arguments: Any) -> Ablation:
        tasks.append(variant.task(*arguments))
        return tasks[-1]

    train(config, out / "scenes", run_folder(out, variant.name, seed), make)
    task = tasks[-1]
    result = {
        "variant": variant.name,
        "seed": seed,
        "what": variant.text,
        "scale": vars(scale),
        "config": config.to_dict(),
        "training": costs(task),
        "measures": measure(task, judge),
        "machine": machine(),
        "versions": versions(),
    }
    write_json(result_file(out, variant.name, seed), result)


def stand_on(out: Path, scale: Scale, name: str, seed: int, judge: Judge) -> Path:
    """The folder of the backbone of this name and seed, which is trained where it is missing."""
    model = run_folder(out, name, seed) / "model"
    if not model.exists():
        one_run(out, scale, named([name])[0], seed, judge)
    return model


def costs(task: Ablation) -> dict[str, float]:
    """Millions of trained parameters, samples, and processor time of a step."""
    trained = sum(p.numel() for p in task.network.parameters() if p.requires_grad)
    return {
        "parameters": trained / 1e6,
        "samples": task.config.steps * task.config.batch_size,
        "seconds": task.seconds,
        "milliseconds": 1e3 * task.seconds / max(1, task.taken),
    }


def run_folder(out: Path, name: str, seed: int) -> Path:
    """Where a variant is trained."""
    return out / "runs" / f"{name}-{seed}"


def result_file(out: Path, name: str, seed: int) -> Path:
    """Where its result is."""
    return out / "results" / f"{name}-{seed}.json"


def report(out: Path, page: Path | None) -> dict[str, list[dict[str, Any]]]:
    """All results that are there, by variant; the tables of the page are written from them."""
    results: dict[str, list[dict[str, Any]]] = {}
    for file in sorted((out / "results").glob("*.json")):
        result = read_json(file)
        results.setdefault(result["variant"], []).append(result)
    if page is not None:
        text = fill(page.read_text(encoding="utf-8"), results)
        with atomic_text(page) as file:
            file.write(text)
    return results


def main() -> None:
    """Run, and print every table."""
    results = run()
    for name, table in TABLES.items():
        print(f"{name}\n\n{table.text(results)}\n")


if __name__ == "__main__":
    main()
