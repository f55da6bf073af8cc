"""The command that edits an image and its map together."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pandiff.cli.command import Command, finite_number, positive_number, progress, whole_number
from pandiff.cli.models import (
    add_guidance,
    add_sampling,
    check_words,
    load,
    settings,
    share_above_0,
)
from pandiff.errors import InputError

if TYPE_CHECKING:
    from pandiff.panoptic import PanopticMap
    from pandiff.synthesis.edit import Edit

VERBS = {
    "remove": ("--segment",),
    "add": ("--category", "--box"),
    "replace": ("--segment", "--category"),
    "redo": ("--segment or --box",),
}
"""The verbs, and what each needs; of two with an "or", one."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--image", metavar="FILE", type=Path, required=True)
    parser.add_argument(
        "--map", metavar="FILE", type=Path, required=True, help="its map: a panoptic PNG"
    )
    parser.add_argument("--segment", metavar="ID", type=whole_number, help="id of a segment")
    parser.add_argument("--category", metavar="NAME", help="what is added, or comes instead")
    parser.add_argument("--box", metavar=("X", "Y", "W", "H"), nargs=4, type=finite_number)
    parser.add_argument("--prompt", metavar="P", help="what the region should show")
    parser.add_argument(
        "--strength",
        metavar="S",
        type=share_above_0,
        help="vary what is in the region: how much of it is lost, above 0 to 1; all by default",
    )
    parser.add_argument("--count", metavar="N", type=positive_number, default=1, help="versions")
    parser.add_argument(
        "--tries",
        metavar="N",
        type=positive_number,
        default=4,
        help="draws for each version; the model keeps that in which it sees best what was asked",
    )
    add_guidance(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, required=True)
    add_sampling(parser)


def _edit(args: argparse.Namespace) -> None:
    from pandiff.synthesis.editing import edit_folder
    from pandiff.synthesis.folders import check_new
    from pandiff.synthesis.inputs import read_image, read_map

    _check(args)
    plan = _plan(args)
    check_new(args.out)
    image = read_image(args.image)
    pipe = load(args.model)
    made = edit_folder(
        pipe,
        image,
        read_map(args.map, pipe.taxonomy),
        plan,
        args.out,
        settings(args),
        count=args.count,
        prompt=args.prompt,
        strength=args.strength,
        tries=args.tries,
        progress=progress("edit"),
    )
    print(f"{len(made)} versions in {args.out / 'dataset'}")
    print(f"picture: {args.out / 'grid.png'}")


def _check(args: argparse.Namespace) -> None:
    """InputError if the verb lacks an argument, or has no use for one, or the prompt is blank."""
    needs, verb = VERBS[args.verb], args.verb
    names = ("--segment", "--category", "--box")
    given = [name for name in names if getattr(args, name[2:]) is not None]
    for need in needs:
        found = [name for name in given if name in need]
        if len(found) != 1:
            got, remedy = ("both", "leave one out") if found else ("none", "add it")
            raise InputError(f"{need} to {verb}", got, remedy)
    odd = [name for name in given if name not in " ".join(needs)]
    if odd:
        got = f"{' and '.join(odd)} too"
        raise InputError(f"{' and '.join(needs)} to {verb}", got, "leave out the rest")
    check_words([args.prompt])


def _plan(args: argparse.Namespace) -> Callable[[PanopticMap], Edit]:
    """The edit that the arguments ask for."""
    from pandiff.building import from_boxes
    from pandiff.synthesis import edit

    if args.verb == "remove":
        return lambda m: edit.remove(m, args.segment)
    if args.verb == "add":
        return lambda m: edit.add(m, args.category, tuple(args.box))
    if args.verb == "replace":
        return lambda m: edit.replace(m, args.segment, args.category)
    if args.segment is not None:
        return lambda m: edit.redo_segment(m, args.segment)
    return lambda m: edit.redo(
        m, from_boxes([tuple(args.box)], [m.taxonomy.categories[0].id], m.size, m.taxonomy).labelled
    )


EDIT = Command("change an image and its map together", _arguments, _edit)
