"""Settings: preset, then file, then arguments; rates and decays; wrong ones are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pandiff.diffusion.levels import PATTERNS, PatternWeights
from pandiff.errors import InputError
from pandiff.training.config import Optim, TrainConfig
from pandiff.training.presets import PRESETS, preset
from pandiff.training.settings import read_settings


@pytest.mark.parametrize("name", PRESETS)
def test_presets_come_through_unchanged(name: str) -> None:
    assert read_settings(name) == preset(name)
    assert TrainConfig(**{**preset(name).__dict__}) == preset(name)


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_later_ones_go_first(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"settings.{suffix}"
    file.write_text(
        "steps: 7\nbatch_size: 8\noptim:\n  lr: 1e-3\nmodel: {width: 64}\n"
        if suffix == "yaml"
        else '{"steps": 7, "batch_size": 8, "optim": {"lr": 0.001}, "model": {"width": 64}}'
    )
    overrides = ["--steps", "9", "--model.depth=3", "--optim.betas", "[0.8, 0.9]", "--init", "a/b"]
    config, base = read_settings("scenes", file, overrides), preset("scenes")
    optim = replace(base.optim, lr=1e-3, betas=(0.8, 0.9))
    model = {"width": 64, "depth": 3}
    assert config == replace(base, steps=9, batch_size=8, optim=optim, model=model, init="a/b")


def test_no_preset_is_needed() -> None:
    assert read_settings(None, None, ["--task", "vae"]) == TrainConfig("vae")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stepz", "3"], "expected known settings, got --stepz 3"),
        (["--optim.rate", "3"], r"expected known settings, got --optim\.rate 3"),
        (["stray"], "expected known settings, got stray"),
        (["--steps", "many"], "expected int for steps, got many"),
        (["--steps", "1.5"], r"expected int for steps, got 1\.5"),
        (["--optim.betas", "[1]"], r"expected tuple with 2 elements for optim\.betas, got \[1\]"),
        (["--steps", "0"], "expected steps of 1 or more, got 0"),
        (["--batch_size", "-4"], "expected batch_size of 1 or more, got -4"),
        (["--precision", "fp16"], "expected a precision of auto, bf16, no, got 'fp16'"),
    ],
)
def test_wrong_arguments(arguments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_settings("scenes", None, arguments)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepz: 3", "expected known settings, got stepz"),
        ("optim: {rate: 3}", r"expected known settings, got optim\.rate"),
        ("steps: many", "expected int for steps, got many"),
        ("optim: 3", "expected settings"),
        ("[1]", "expected settings"),
        ("", "expected settings"),
        ("{", "expected settings"),
    ],
)
def test_wrong_files(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_settings("scenes", tmp_path / "settings.yaml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "0"], "steps of 1 or more, got 0"),
        (["--workers", "-1"], "workers of 0 or more, got -1"),
        (["--text_dropout", "2"], r"text_dropout in 0\.\.1, got 2"),
        (["--patterns.joint", "-1"], r"patterns\.joint of 0 or more, got -1"),
        (["--optim.lr", "-1"], r"optim\.lr of 0 or more, got -1"),
        (["--optim.betas", "[0.9,1]"], r"optim\.betas of 0 or more and below 1, got 1"),
        (["--optim.clip", "0"], r"optim\.clip above 0, got 0"),
        (["--precision", "fp16"], "a precision of auto, bf16, no, got 'fp16'"),
    ],
)
def test_values_that_make_no_sense(arguments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_settings("scenes", overrides=arguments)


def test_some_pattern_must_be_drawn() -> None:
    none = PatternWeights(**dict.fromkeys(PATTERNS, 0.0))
    with pytest.raises(InputError, match="the sum of patterns above 0"):
        replace(preset("scenes"), patterns=none)


def test_wrong_sources(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a preset of scenes-vae, .* got 'nope'"):
        read_settings("nope")
    with pytest.raises(InputError, match="a --preset or a task, got none"):
        read_settings(None)
    with pytest.raises(InputError, match="a settings file"):
        read_settings("scenes", tmp_path / "none.yaml")


def test_the_rate_rises_stays_and_falls() -> None:
    optim = Optim(lr=2.0, warmup=10, cooldown=0.5)
    rates = [optim.rate(k, 100) for k in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[:10] == sorted(rates[:10])
    assert set(rates[9:51]) == {2.0}
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert rates[-1] == pytest.approx(0.04)


def test_the_average_forgets_the_start() -> None:
    optim = Optim(ema=0.99)
    assert optim.ema_decay(0) == 0.1
    assert optim.ema_decay(10**6) == 0.99
