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
    if path.suffix == ".png":
        folder = PanopticFolder.open(_json_of(path))
        found = [k for k, i in enumerate(folder.images) if Path(i.file_name).stem == path.stem]
    else:
        folder = PanopticFolder.open(path)
        found = list(range(len(folder)))
    if len(found) != 1:
        raise InputError(f"one map in {path}", str(len(found)), "name a PNG of its panoptic folder")
    return in_taxonomy(folder.panoptic(found[0]), taxonomy)


def _json_of(png: Path) -> Path:
    """The panoptic .json of a map: beside the map's folder, of the same stem."""
    if not png.is_file():
        raise InputError("a panoptic PNG", f"no such file: {png}", "check the path")
    path = png.absolute().parent.with_suffix(".json")
    if not path.is_file():
        raise InputError(
            f"the segments of {png.name} in {path}", "no such file", "keep the PNG in its dataset"
        )
    return path


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
