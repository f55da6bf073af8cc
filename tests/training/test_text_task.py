"""A text encoder that learns what maps hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from pandiff.coco import PanopticFolder
from pandiff.training.config import TrainConfig
from pandiff.training.text_task import CaptionedCounts, TextTask


def test_counts_are_those_of_the_maps(
    tiny_config: Callable[..., TrainConfig], toy_data: Path
) -> None:
    task = TextTask(tiny_config("text"), toy_data)
    folder = PanopticFolder.open(toy_data)
    batch = task.dataset.__getitems__([2, 0])
    for row, k in enumerate((2, 0)):
        found = np.bincount(
            [folder.taxonomy.index(s.category_id) - 1 for s in folder.panoptic(k).segments],
            minlength=len(folder.taxonomy),
        )
        assert batch["counts"][row].tolist() == found.tolist()
    assert torch.equal(batch["tokens"][1, 0], task.text.tokenize(folder.captions(0)[:1])[0])


def test_an_image_with_few_captions_repeats_them(
    tiny_config: Callable[..., TrainConfig], toy_data: Path
) -> None:
    task = TextTask(tiny_config("text"), toy_data)
    dataset: CaptionedCounts = task.dataset
    dataset.captions[0] = ["one", "two", "three"]
    dataset.captions[1] = ["a", "b"]
    tokens = dataset.__getitems__([0, 1])["tokens"]
    assert tokens.shape[:2] == (2, 3)
    assert torch.equal(tokens[1, 2], tokens[1, 0])


def test_words_are_judged_where_they_stand_and_padding_is_not(
    tiny_config: Callable[..., TrainConfig], toy_data: Path
) -> None:
    task = TextTask(tiny_config("text"), toy_data)
    batch = task.dataset.__getitems__([0, 1])
    draws = {"caption": torch.zeros(2)}
    special = set(task.text.tokenizers[0].all_special_ids)

    class Knows(torch.nn.Module):
        """Tells every word, and nonsense at the special tokens."""

        def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, ...]:
            words = torch.zeros(*tokens.shape, task.text.encoders[0].config.vocab_size)
            for at in np.ndindex(*tokens.shape):
                token = int(tokens[at])
                words[at][token if token not in special else 5] = 99.0
            counts = batch["counts"]
            hidden = torch.zeros(*tokens.shape, 8)
            return 99.0 * (2.0 * (counts > 0) - 1), counts, words, hidden

    found = task.losses(Knows(), batch, draws)
    assert all(found[name] < 1e-6 for name in ("loss", "presence", "count", "word"))


def test_what_is_kept_is_the_start(tiny_config: Callable[..., TrainConfig], toy_data: Path) -> None:
    task = TextTask(tiny_config("text", keep_weight=2.0), toy_data)
    batch = task.dataset.__getitems__([0, 1, 2])
    draws = {"caption": torch.zeros(3)}
    network = task.network.eval()
    at_start = task.losses(network, batch, draws)
    assert at_start["keep"] == 0
    with torch.no_grad():
        network.text_encoder.final_layer_norm.bias += 0.5
        start = task.start(input_ids=batch["tokens"][:, 0]).last_hidden_state
    moved = task.losses(network, batch, draws)
    assert torch.isclose(moved["keep"], 0.25 / start.var(dim=(0, 1)).mean())
    rest = 10 * moved["presence"] + moved["count"] + moved["word"]
    assert torch.isclose(moved["loss"], rest + 2 * moved["keep"])
    assert not any(p.requires_grad for p in task.start.parameters())


def test_nothing_is_kept_unless_asked(
    tiny_config: Callable[..., TrainConfig], toy_data: Path
) -> None:
    task = TextTask(tiny_config("text"), toy_data)
    draws = {"caption": torch.zeros(1)}
    assert "keep" not in task.losses(task.network, task.dataset.__getitems__([0]), draws)
