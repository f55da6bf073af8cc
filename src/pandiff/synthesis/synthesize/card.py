"""The dataset card: a README.md with the header that dataset hubs read."""

from __future__ import annotations

import json
from collections.abc import Iterable

from pandiff import __version__
from pandiff.synthesis.synthesize.judge import REASONS
from pandiff.synthesis.synthesize.summary import Facts, Summary
from pandiff.synthesis.synthesize.tally import Tally

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M"))
"""Names of sizes, up to so many samples."""

PAGE = """\
---
license: {license}
pretty_name: {title}
language:
- en
task_categories:
- image-segmentation
- text-to-image
annotations_creators:
- machine-generated
size_categories:
- {size}
tags:
- panoptic-segmentation
- coco-panoptic
- synthetic
- pandiff
---

# {title}

{made} images, each with a panoptic map and a caption, made by pandiff {version} with the model
`{model}`. Image and map come from one diffusion process; no person has checked them. They have
{segments} segments of {present} categories; {void:.2%} of the pixels are void.

## Files

| file | content |
|---|---|
| `images/` | the images |
| `panoptic/` | their maps: the id of a segment is R + 256 G + 65536 B, 0 is void |
| `panoptic.json` | images, segments and categories as in COCO; `score` is a segment's confidence |
| `captions.json` | the prompts, as COCO has captions |
| `manifest.jsonl` | of each image: prompt, seed, settings, scores |
| `dropped.jsonl` | of each candidate that was dropped: why |
| `report.html` | counts and examples of what was dropped, and by which filter |

```python
from pandiff.coco import PanopticFolder

folder = PanopticFolder.open("DIR")
image, panoptic, captions = folder.image(0), folder.panoptic(0), folder.captions(0)
```

## How it was made

{tried} candidates were made. Candidate k of sample i is drawn from (seed, i, k); the first that
passes the filters is kept. {replaced} samples took another prompt, after {tries} tries with their
first.

| filter | dropped |
|---|---:|
{filters}

| setting | value |
|---|---|
{settings}

## Categories

![class balance](balance.svg)

| category | id | kind | images | segments | share of pixels |
|---|---:|---|---:|---:|---:|
{categories}

## Licence

`{license}`, as given when the dataset was made. The images are the output of a model: its licence,
and what it was trained on, may bind whoever uses them.
"""


def card(summary: Summary, tally: Tally, facts: Facts) -> str:
    """The text of README.md."""
    settings = {"model": facts.model_name, "model digest": facts.settings["model"]}
    left_out = ("model", "license")
    settings |= {k: v for k, v in facts.settings.items() if k not in left_out and v is not None}
    shares = tally.shares()
    return PAGE.format(
        license=facts.settings["license"],
        title=f"{summary.made} synthetic images with panoptic maps",
        size=next((name for most, name in SIZES if summary.made < most), "1M<n<10M"),
        made=summary.made,
        version=__version__,
        model=facts.model_name,
        segments=tally.segments,
        present=sum(s.images > 0 for s in shares),
        void=tally.void,
        tried=summary.tried,
        replaced=summary.replaced,
        tries=facts.settings["tries"],
        filters=_rows((name, summary.dropped.get(name, 0)) for name in REASONS),
        settings=_rows((k.replace("_", " "), f"`{json.dumps(v)}`") for k, v in settings.items()),
        categories=_rows(
            (
                s.category.name,
                s.category.id,
                "thing" if s.category.isthing else "stuff",
                s.images,
                s.segments,
                f"{s.area:.2%}",
            )
            for s in shares
        ),
    )


def _rows(rows: Iterable[Iterable[object]]) -> str:
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in r)} |" for r in rows)
