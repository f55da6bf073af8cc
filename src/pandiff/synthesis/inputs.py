"""What a user hands in: pictures from a camera, maps from any dataset folder."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageOps

from pandiff.coco import PanopticFolder, open_image
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.rgb import to_rgb
from pandiff.taxonomy import Taxonomy


def read_image(path: Path, *, behind: str = "white") -> Image.Image:
    """A picture as RGB, turned upright as its camera noted; InputError if it is none.

    behind: the color that transparent pixels show; see `to_rgb`.
    """
    return to_rgb(ImageOps.exif_transpose(open_image(path)), behind=behind)


def read_mask(path: Path) -> Image.Image:
    """A mask of what is kept, as a picture: what is transparent is black, that is, not kept."""
    return read_image(path, behind="black")


def read_map(path: Path, taxonomy: Taxonomy) -> PanopticMap:
    """One map of a dataset folder, in the categories of a model.

    Args:
        path: a PNG in the folder of panoptic maps, whose .json lies beside that folder; or a
            dataset folder or panoptic .json that holds a single map.
        taxonomy: the model's; categories are matched by name.

    Raises:
        InputError: if there is no such map, or the model lacks one of its categories.
    """
    if path.suffix.lower() == ".png":
        folder = PanopticFolder.open(_json_of(path))
        found = [k for k in range(len(folder)) if folder.map_path(k).name == path.name]
    else:
        folder = PanopticFolder.open(path)
        found = list(range(len(folder)))
    if len(found) != 1:
        raise InputError(f"one map in {path}", str(len(found)), "name a PNG of its panoptic folder")
    panoptic = folder.panoptic(found[0])
    _check_categories(panoptic, taxonomy, folder.map_path(found[0]), folder.layout.panoptic_json)
    return in_taxonomy(panoptic, taxonomy)


def _json_of(png: Path) -> Path:
    """The panoptic .json of a map: beside the map's folder, of the same name."""
    if not png.is_file():
        raise InputError("a panoptic PNG", f"no such file: {png}", "check the path")
    folder = png.absolute().parent
    path = folder.parent / f"{folder.name}.json"
    if not path.is_file():
        raise InputError(
            f"the segments of {png.name} in {path}", "no such file", "keep the PNG in its dataset"
        )
    return path


def _check_categories(panoptic: PanopticMap, taxonomy: Taxonomy, png: Path, json: Path) -> None:
    """InputError, with the file's name, if a map has a category that a model does not know."""
    known = [c.name for c in taxonomy.categories]
    used = {panoptic.taxonomy.by_id(s.category_id).name for s in panoptic.segments}
    odd = sorted(used.difference(known))
    if odd:
        raise InputError(
            f"the model's categories ({', '.join(known)}) in {png}",
            ", ".join(map(repr, odd)),
            f"rename it in {json.name} to one of them, or use a model that knows it",
        )


def in_taxonomy(panoptic: PanopticMap, taxonomy: Taxonomy) -> PanopticMap:
    """The same map with its categories, matched by name, in another taxonomy."""
    names = {c.id: c.name for c in panoptic.taxonomy.categories}
    return PanopticMap.from_ids(
        panoptic.ids,
        {s.id: taxonomy.by_name(names[s.category_id]).id for s in panoptic.segments},
        taxonomy,
        scores={s.id: s.score for s in panoptic.segments},
        crowds=[s.id for s in panoptic.segments if s.is_crowd],
    )
