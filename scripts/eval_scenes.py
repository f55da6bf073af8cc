"""What a model of the built-in world shows on unseen scenes: text, agreement, both directions.

    python scripts/eval_scenes.py --model scenes --prompts 256 --steps 20 --guidance 3.0 \
        --seed 0 --directions 64 --out metrics.json --grid grid.png

The numbers come with 95 % bootstrap intervals; see `pandiff.evaluation.scenes_report`. The
segmenter was trained on rendered scenes only, and shares no weight with the model. A line on
standard error says how long each part took. `--prompts 0` leaves out the text, so that

    python scripts/eval_scenes.py --prompts 0 --directions 512 --votes 5

measures both directions and the votes alone: 3072 samples, by the time that 64 scenes take half an
hour of a core of its own.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import diffusers
import torch
from PIL import Image

from pandiff import __version__
from pandiff.coco.files import atomic_text
from pandiff.diffusion import stochastic
from pandiff.draw import grid
from pandiff.evaluation.sampling import Sample, draw_samples
from pandiff.evaluation.scenes_report import (
    Agreement,
    Estimates,
    Subject,
    agreement,
    shuffled,
    subjects,
    text_report,
)
from pandiff.evaluation.segmenter import load_segmenter, segment
from pandiff.models.segmenter import PanopticSegmenter
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis.generate import sample_seed
from pandiff.synthesis.vote import vote
from pandiff.training.progress import track

Sections = dict[str, Estimates]


def parser() -> argparse.ArgumentParser:
    """The options."""
    one = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    one.add_argument("--model", default="scenes", help="built-in name, folder or hub id")
    one.add_argument("--segmenter", default="scenes-segmenter", help="likewise")
    one.add_argument(
        "--prompts", type=int, default=256, help="one for each unseen scene; 0 for none"
    )
    one.add_argument("--directions", type=int, default=0, help="scenes for map <-> image")
    one.add_argument("--votes", type=int, default=1, help="maps found for each image, that vote")
    one.add_argument("--steps", type=int, default=20)
    one.add_argument("--guidance", type=float, default=3.0)
    one.add_argument("--map-guidance", type=float, default=1.0, help="weight of the map")
    one.add_argument("--tries", type=int, default=1, help="most tries of a sample from text")
    one.add_argument("--sde", action="store_true", help="a solver that adds noise at each step")
    one.add_argument("--interval", type=float, nargs=2, default=[0.0, 1.0], help="of guidance")
    one.add_argument("--seed", type=int, default=0, help="sample k is made from (seed, k)")
    one.add_argument("--batch", type=int, default=16)
    one.add_argument("--out", type=Path, default=Path("metrics.json"))
    one.add_argument("--grid", type=Path, help="a picture of the first 16 samples")
    return one


def run(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, write and return what metrics.json holds."""
    args = parser().parse_args(argv)
    start = time.monotonic()
    pipe = PanopticDiffusionPipeline.from_pretrained(args.model)
    if args.sde:
        pipe.scheduler = stochastic(pipe.scheduler)
    network = load_segmenter(args.segmenter)
    asked = subjects(max(args.prompts, args.directions), pipe.image_size)

    def draw(prompts: Sequence[str], what: str, turn: int = 0, **given: Any) -> list[Sample]:
        seeds = [sample_seed(args.seed + turn, k) for k in range(len(prompts))]
        options = {
            "map_guidance_scale": args.map_guidance,
            "guidance_interval": tuple(args.interval),
            "tries": args.tries,
        }
        settings = {"steps": args.steps, "guidance_scale": args.guidance, "batch_size": args.batch}
        given["options"] = options
        with timed(what, len(prompts)):
            return draw_samples(pipe, prompts, seeds, progress=bar(what), **settings, **given)

    made: list[Sample] = []
    sections: Sections = {}
    if args.prompts:
        made = draw([s.caption.text for s in asked[: args.prompts]], "text")
        sections |= text_sections(asked[: args.prompts], made, network)
    if args.directions:
        sections |= direction_sections(asked[: args.directions], draw, network, args.votes)
    report = {
        "setup": setup(args, argv, round(time.monotonic() - start)),
        **{name: {k: asdict(v) for k, v in values.items()} for name, values in sections.items()},
    }
    with atomic_text(args.out) as file:
        json.dump(report, file, indent=1)
    if args.grid and made:
        save(picture(asked, made[:16]), args.grid)
    show(report["setup"], sections)
    return report


def text_sections(
    asked: Sequence[Subject], made: Sequence[Sample], network: PanopticSegmenter
) -> Sections:
    """Prompt adherence, and whether image and map belong together."""
    seen = segment(network, [m.image for m in made])
    generated = agreement([m.panoptic for m in made], seen)
    real = agreement([s.panoptic for s in asked], segment(network, [s.image for s in asked]))
    floor: Agreement = agreement([m.panoptic for m in shuffled(made)], seen)
    truth = [Sample(s.image, s.panoptic) for s in asked]
    return {
        "text": text_report(asked, made),
        "text_shuffled": text_report(asked, shuffled(made)),
        "text_real": text_report(asked, truth),
        "text_real_shuffled": text_report(asked, shuffled(truth)),
        "agreement": generated.report(),
        "agreement_shuffled": floor.report(),
        "segmenter_real": real.report(),
        "agreement_ratio": generated.ratio_to(real),
    }


def direction_sections(
    asked: Sequence[Subject],
    draw: Callable[..., list[Sample]],
    network: PanopticSegmenter,
    votes: int,
) -> Sections:
    """PQ of the maps found in real images, and of what the segmenter sees in images of maps."""
    maps, images = [s.panoptic for s in asked], [s.image for s in asked]
    prompts, nothing = [s.caption.text for s in asked], [""] * len(asked)
    found = draw(nothing, "image to map", images=images)
    painted = draw(prompts, "map to image", maps=maps)
    seen = segment(network, [m.image for m in painted])
    real = agreement(maps, segment(network, images))
    sections = {
        "image_to_map": agreement(maps, [m.panoptic for m in found]).report(),
        "map_to_image": agreement(maps, seen).report(),
        "map_to_image_ratio": agreement(maps, seen).ratio_to(real),
    }
    if votes > 1:
        others = [draw(nothing, f"vote {k + 1}", k, images=images) for k in range(1, votes)]
        voted = [
            vote([m.panoptic for m in one]).panoptic for one in zip(found, *others, strict=True)
        ]
        sections[f"image_to_map_votes_{votes}"] = agreement(maps, voted).report()
    return sections


@contextmanager
def timed(what: str, count: int) -> Iterator[None]:
    """Say on standard error how long so many samples took."""
    start = time.monotonic()
    yield
    seconds = time.monotonic() - start
    print(f"{what}: {count} samples, {seconds:.0f} s", file=sys.stderr, flush=True)


def bar(what: str) -> Any:
    """A progress bar with a name."""
    return lambda items: track(items, what)


def setup(args: argparse.Namespace, argv: Sequence[str] | None, seconds: int) -> dict[str, Any]:
    """All that the numbers depend on, and the machine."""
    words = sys.argv[1:] if argv is None else argv
    return {
        "command": shlex.join(["python", "scripts/eval_scenes.py", *words]),
        **{k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items()},
        "machine": f"{cpu()}, {torch.get_num_threads()} threads",
        "versions": {
            "pandiff": __version__,
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
            "python": platform.python_version(),
        },
        "seconds": seconds,
    }


def cpu() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def picture(asked: Sequence[Subject], made: Sequence[Sample]) -> Image.Image:
    """Images above their maps, prompts below."""
    prompts = [s.caption.text for s in asked[: len(made)]]
    return grid([m.image for m in made], maps=[m.panoptic for m in made], prompts=prompts)


def save(image: Image.Image, path: Path) -> None:
    """Write a picture that takes its place when it is complete."""
    temporary = path.with_name(f".{path.name}")
    image.save(temporary, format="PNG")
    temporary.replace(path)


def show(about: dict[str, Any], sections: Sections) -> None:
    """Print the numbers."""
    for name in ("command", "machine", "versions", "seconds"):
        print(f"{name}: {about[name]}")
    for section, values in sections.items():
        print(section)
        for name, e in values.items():
            print(f"  {name:12} {e.value:.4f}  [{e.low:.4f}, {e.high:.4f}]  n {e.n}")


if __name__ == "__main__":
    run()
