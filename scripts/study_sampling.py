"""How samples of the built-in world depend on steps and guidance: the table for docs/log.md.

    python scripts/study_sampling.py --model scenes --prompts 128 --out out/study

Each row is one run of scripts/eval_scenes.py with the same prompts and seeds; a row that is there
already is not measured again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SETTINGS: dict[str, list[str]] = {
    "10 steps": ["--steps", "10"],
    "20 steps": ["--steps", "20"],
    "50 steps": ["--steps", "50"],
    "20 steps, no guidance": ["--guidance", "1"],
    "20 steps, guidance 5": ["--guidance", "5"],
    "20 steps, map guidance 2": ["--map-guidance", "2"],
    "20 steps, the paper's map guidance, s = 2": ["--guidance", "2", "--map-guidance", "2"],
    "20 steps, guidance at levels 0 to 0.8": ["--interval", "0", "0.8"],
    "20 steps, guidance at levels 0.2 to 1": ["--interval", "0.2", "1"],
    "20 steps, s = 2, noise added": ["--guidance", "2", "--map-guidance", "2", "--sde"],
}
COLUMNS = {
    "categories": ("text", "categories"),
    "counts exact": ("text", "counts"),
    "MCD": ("text", "mcd"),
    "agreement, PQ": ("agreement", "all"),
    "PQ of things": ("agreement", "things"),
}


def measure(arguments: list[str], out: Path) -> dict[str, Any]:
    """One run of the evaluation, or what an earlier one wrote."""
    if not out.exists():
        script = Path(__file__).with_name("eval_scenes.py")
        subprocess.run([sys.executable, str(script), *arguments, "--out", str(out)], check=True)
    report: dict[str, Any] = json.loads(out.read_text())
    return report


def row(name: str, report: dict[str, Any]) -> str:
    """A line of the table: values with half the width of their intervals."""
    cells = []
    for section, key in COLUMNS.values():
        e = report[section][key]
        cells.append(f"{e['value']:.2f} +- {(e['high'] - e['low']) / 2:.2f}")
    return f"| {name} | {' | '.join(cells)} | {report['setup']['seconds']} |"


def main() -> None:
    """Measure every row and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="scenes")
    parser.add_argument("--prompts", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/study"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    common = ["--model", args.model, "--prompts", str(args.prompts), "--seed", str(args.seed)]
    lines = [f"| sampling | {' | '.join(COLUMNS)} | seconds |", "|---" * (len(COLUMNS) + 2) + "|"]
    for k, (name, settings) in enumerate(SETTINGS.items()):
        lines.append(row(name, measure([*common, *settings], args.out / f"{k}.json")))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
