"""COCO panoptic, in the layout in which COCO is distributed.

train/*   annotations/panoptic_train.json   annotations/panoptic_train/*.png
annotations/captions_train.json, and the same of val (https://cocodataset.org/#format-data).
"""

from __future__ import annotations

from pandiff.coco import ids_to_png, segment_to_coco
from pandiff.synthesis.exporters.exporter import Exporter, Sample, Target
from pandiff.synthesis.exporters.json_lists import JsonLists
from pandiff.synthesis.exporters.placing import new_file


class CocoPanoptic(Exporter):
    """Writes COCO panoptic; areas and boxes are as measured in the maps."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._captions = Captions(target)
        self._files = {
            split: JsonLists(
                target.out / f"annotations/panoptic_{split}.json",
                ("images", "annotations", "categories"),
            )
            for split in target.splits
        }
        for file in self._files.values():
            for category in target.taxonomy.to_coco():
                file.add("categories", category)

    def add(self, sample: Sample) -> None:
        self.target.place(sample, sample.split)
        self.annotate(sample)

    def annotate(self, sample: Sample) -> None:
        """Write all but the image."""
        file, name = self._files[sample.split], sample.png_name
        path = new_file(file.path.with_suffix("") / name, sample.name)
        ids_to_png(sample.panoptic.ids).save(path)
        segments = [segment_to_coco(s) for s in sample.panoptic.segments]
        file.add("images", image_record(sample))
        file.add(
            "annotations", {"image_id": sample.id, "file_name": name, "segments_info": segments}
        )
        self._captions.add(sample)

    def close(self) -> None:
        self._captions.close()
        for file in self._files.values():
            file.close()


class Captions:
    """COCO's caption files, `annotations/captions_SPLIT.json`; none where there are no captions."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._files: dict[str, JsonLists] = {}

    def add(self, sample: Sample) -> None:
        """Write the captions of a sample."""
        if not sample.captions:
            return
        path = self._target.out / f"annotations/captions_{sample.split}.json"
        if sample.split not in self._files:
            self._files[sample.split] = JsonLists(path, ("images", "annotations"))
        file = self._files[sample.split]
        file.add("images", image_record(sample))
        for caption in sample.captions:
            number = file.next_id("annotations")
            file.add("annotations", {"id": number, "image_id": sample.id, "caption": caption})

    def close(self) -> None:
        """Write the files."""
        for file in self._files.values():
            file.close()


def image_record(sample: Sample) -> dict[str, int | str]:
    """One entry of `images`."""
    width, height = sample.panoptic.size
    return {
        "id": sample.id,
        "file_name": sample.name.as_posix(),
        "width": width,
        "height": height,
    }
