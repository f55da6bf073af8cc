"""Commands that exchange datasets with other tools: export, import."""

from __future__ import annotations

import argparse
from pathlib import Path

from pandiff.cli.command import Command, progress


def share_below_1(text: str) -> float:
    """A number of 0 or more and below 1; ValueError otherwise, which argparse reports."""
    if not 0 <= float(text) < 1:
        raise ValueError(text)
    return float(text)


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="DIR", type=Path, help="dataset folder or panoptic .json")
    parser.add_argument(
        "--format",
        metavar="F",
        required=True,
        help="coco-panoptic, coco-instances, semantic, yolo, fiftyone, hf or detectron2",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True)
    parser.add_argument("--split", help="which split of the original COCO layout")
    parser.add_argument(
        "--val",
        metavar="SHARE",
        type=share_below_1,
        default=0.0,
        help="share of the images to set aside for validation, below 1",
    )
    _copy_argument(parser)


def _copy_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--copy", action="store_true", help="copy the images instead of hard-linking them"
    )


def _export(args: argparse.Namespace) -> None:
    from pandiff.synthesis.exporters import export

    count = export(
        args.path,
        args.out,
        args.format,
        split=args.split,
        val=args.val,
        copy=args.copy,
        progress=progress("export"),
    )
    print(f"{args.out}: {count} images as {args.format}")


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="SOURCE", type=Path, help="folder, or COCO instances .json")
    parser.add_argument(
        "--format", metavar="F", required=True, help="masks, coco-instances, cityscapes or ade20k"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True)
    parser.add_argument(
        "--taxonomy", metavar="FILE", type=Path, help="categories to keep; masks need it"
    )
    parser.add_argument("--captions", metavar="FILE", type=Path, help="captions .json")
    _copy_argument(parser)
    own = parser.add_argument_group("of some formats")
    own.add_argument("--split", help="which split (all but masks)")
    own.add_argument("--images", metavar="DIR", type=Path, help="their folder (coco-instances)")
    own.add_argument(
        "--train-ids",
        action="store_true",
        help="values count from 0 in the taxonomy's order, 255 is void (masks)",
    )
    own.add_argument(
        "--components",
        action="store_true",
        help="without instance masks, touching pixels of a thing are one (masks, ade20k)",
    )


def _import(args: argparse.Namespace) -> None:
    from pandiff.synthesis.importers import import_source, open_source
    from pandiff.taxonomy import Taxonomy

    taxonomy = None if args.taxonomy is None else Taxonomy.from_file(args.taxonomy)
    source = open_source(
        args.format,
        args.path,
        taxonomy=taxonomy,
        split=args.split,
        images=args.images,
        train_ids=args.train_ids,
        components=args.components,
    )
    count = import_source(
        source, args.out, captions=args.captions, copy=args.copy, progress=progress("import")
    )
    print(f"{args.out}: {count} images, {len(source.taxonomy)} categories")


EXPORT = Command("write a dataset in the format of another tool", _export_arguments, _export)
IMPORT = Command("make a dataset folder of what you have", _import_arguments, _import)
