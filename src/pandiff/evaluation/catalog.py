"""What the names in metrics.json mean: titles, which way is better, and a line of explanation."""

from __future__ import annotations

from dataclasses import dataclass

HIGHER, LOWER, ONE = "higher is better", "lower is better", "best at 1"
PERCENT = "\N{NARROW NO-BREAK SPACE}%"


@dataclass(frozen=True)
class Entry:
    """A metric in words.

    Attributes:
        title: its name.
        better: which way is good.
        text: what it says, in one line.
        percent: whether it reads best as a percentage.
    """

    title: str
    better: str
    text: str
    percent: bool = False


METRICS: dict[str, Entry] = {
    "frechet": Entry(
        "Fréchet distance", LOWER, "of means and covariances; grows as the sample shrinks"
    ),
    "kernel": Entry("Kernel distance", LOWER, "squared MMD, cubic kernel; without bias"),
    "precision": Entry("Precision", HIGHER, "made ones that lie among the real: fidelity", True),
    "recall": Entry("Recall", HIGHER, "real ones that lie among the made: diversity", True),
    "density": Entry("Density", HIGHER, "how deep among the real; 1 where both are alike"),
    "coverage": Entry("Coverage", HIGHER, "real ones with a made one nearby", True),
    "clip": Entry("CLIP score", HIGHER, "100 cos(image, the prompt it was made of)"),
    "mcd": Entry("MCD", LOWER, "mean count difference to the real map, 0..2; ignores position"),
    "mcd_label_noise": Entry(
        "MCD of label noise", LOWER, "of real maps whose borders move by a pixel: a floor"
    ),
    "mcd_segmenter": Entry(
        "MCD of a second annotator", LOWER, "of the segmenter's maps of the real images: a floor"
    ),
    "area_js": Entry("Areas of categories", LOWER, "Jensen-Shannon divergence of all pixels, 0..1"),
    "area_w1": Entry("Areas in single maps", LOWER, "Wasserstein distance, mean over categories"),
    "count_w1": Entry("Counts of things", LOWER, "Wasserstein distance, mean over categories"),
    "size_w1": Entry("Sizes of things", LOWER, "Wasserstein distance in octaves of area"),
    "roundness_w1": Entry("Shapes of things", LOWER, "Wasserstein distance of roundness, 0..1"),
    "border_ratio": Entry(
        "Length of borders", ONE, "made over real; above 1 ragged, below 1 too plain"
    ),
    "confidence": Entry("Confidence", HIGHER, "mean probability of the category of a pixel", True),
    "sharpness": Entry(
        "Sharpness",
        HIGHER,
        "of the map before decoding; 1 / width of a border in cells; parts "
        "kept of an earlier try are sharp",
    ),
    "pq_all": Entry("PQ", HIGHER, "panoptic quality, all categories", True),
    "pq_things": Entry("PQ of things", HIGHER, "panoptic quality, countable categories", True),
    "pq_stuff": Entry("PQ of stuff", HIGHER, "panoptic quality, the other categories", True),
    "miou": Entry("mIoU", HIGHER, "mean over categories, instances merged", True),
    "boundary_f": Entry(
        "Boundary F", HIGHER, "borders in the same places, 0.8 % off at most", True
    ),
    "categories": Entry("Categories", HIGHER, "mentioned categories that are there", True),
    "counts": Entry("Counts", HIGHER, "prompts whose stated counts are all exact", True),
    "colors": Entry("Colors", HIGHER, "stated colors that are right", True),
    "relations": Entry("Relations", HIGHER, "stated relations that hold", True),
}
"""By the last part of a metric's name; "X_ratio" is X over that of the real images."""

SCORES: dict[str, Entry] = {
    "agreement": Entry("Agreement of image and map", HIGHER, "PQ with the segmenter's map", True),
    "agreement_miou": Entry("Agreement, mIoU", HIGHER, "mIoU with the segmenter's map", True),
    "boundary_f": Entry(
        "Agreement of borders", HIGHER, "boundary F with the segmenter's map", True
    ),
    "truth": Entry("PQ with the truth", HIGHER, "PQ with the given map", True),
    "truth_miou": Entry("mIoU with the truth", HIGHER, "mIoU with the given map", True),
    "adherence": Entry("Claims", HIGHER, "claims of the prompt that the map keeps", True),
    "clip": Entry("CLIP score", HIGHER, "image and prompt"),
    "claims_map": Entry("Prompt and map", HIGHER, "claims of the prompt that the map keeps", True),
    "claims_image": Entry(
        "Prompt and image", HIGHER, "claims of the prompt that are seen in the image", True
    ),
    "mcd": Entry("MCD", LOWER, "count difference to the map of the real image, 0..2"),
    "sharpness": Entry("Sharpness of the map", HIGHER, "before decoding, 0..1"),
    "confidence": Entry(
        "Confidence of the map", HIGHER, "what the model itself thinks of it", True
    ),
    "image_realism": Entry("Realism of the image", HIGHER, "above 1: among the real images"),
    "map_realism": Entry("Realism of the map", HIGHER, "above 1: among the real maps"),
}
"""Of single samples."""

SECTIONS: dict[str, tuple[str, dict[str, str]]] = {
    "pair": (
        "Image and map together",
        {"real pairs": "pair_real", "strangers": "pair_shuffled"},
    ),
    "truth_image": ("The prompt in the image", {"real images": "truth_image_real"}),
    "truth_map": ("The prompt in the map", {"real maps": "truth_map_real"}),
    "text": ("Image and prompt", {"real images": "text_real"}),
    "image": ("Images against the real ones", {"other real images": "image_floor"}),
    "map": ("Maps against the real ones", {"other real maps": "map_floor"}),
    "map_to_image": ("Map to image", {"real images": "pair_real"}),
    "image_to_map": ("Image to map", {"the segmenter": "pair_real"}),
}
"""The sections of metrics.json in the order of reading: title, and what to compare them with."""


def describe(name: str) -> Entry:
    """A metric's entry, whatever its feature space: "inception.frechet", "miou_ratio"."""
    base = name.rpartition(".")[2]
    if base in METRICS:
        return METRICS[base]
    of = METRICS[base.removesuffix("_ratio")]
    return Entry(f"{of.title} over real", HIGHER, "1 where it is as for real images", True)


def number(value: float, percent: bool = False) -> str:
    """A number as people read it: 68 %, 0.0123, 43.2."""
    if percent:
        return f"{100 * value:.1f}{PERCENT}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.2g}"
