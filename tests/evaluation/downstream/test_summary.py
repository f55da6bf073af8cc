"""Means, spreads and ratios by hand, and what is said of them."""

from __future__ import annotations

import pytest

from pandiff.evaluation.downstream.runs import Run
from pandiff.evaluation.downstream.summary import summarise, verdict, words


def run(arm: str, seed: int, **scores: float) -> Run:
    return Run(arm, seed, {}, 10, scores, 0.0, 1.0, 0.1, "here")


RUNS = [
    run("generated", 1, pq_all=0.3, miou=0.5),
    run("real", 0, pq_all=0.5, miou=0.8),
    run("generated", 0, pq_all=0.4, miou=0.6),
    run("real", 1, pq_all=0.4, miou=0.8),
    run("rival", 0, pq_all=0.2, miou=0.4),
]


def test_numbers() -> None:
    arms = summarise(RUNS)
    assert list(arms) == ["real", "generated", "rival"]
    found = arms["generated"]["scores"]["pq_all"]
    assert arms["generated"]["seeds"] == [0, 1]
    assert found["values"] == [0.4, 0.3]
    assert found["mean"] == pytest.approx(0.35)
    assert found["spread"] == pytest.approx(0.1 / 2**0.5)
    assert found["ratio"]["mean"] == pytest.approx((0.4 / 0.5 + 0.3 / 0.4) / 2)
    assert arms["rival"]["scores"]["pq_all"]["spread"] is None
    assert arms["real"]["scores"]["miou"]["ratio"] == {"mean": 1, "spread": 0}


def test_seeds_without_a_real_run_have_no_ratio() -> None:
    arms = summarise([run("generated", 2, miou=0.5), run("real", 0, miou=0.5)])
    assert arms["generated"]["scores"]["miou"]["ratio"] is None
    arms = summarise([run("generated", 0, miou=0.5), run("real", 0, miou=0.0)])
    assert arms["generated"]["scores"]["miou"]["ratio"] is None


def test_verdict() -> None:
    assert verdict(summarise(RUNS)) == (
        "Generated pairs alone reach 77.5 ± 3.5 % of the PQ of real pairs; the aim is 95 %. "
        "Their PQ is 35.0 ± 7.1 %, that of the rival 20.0 %."
    )
    semantic = [run("generated", 0, miou=0.4), run("real", 0, miou=0.5)]
    assert "80.0 % of the mIoU" in verdict(summarise(semantic))
    assert verdict(summarise([run("generated", 0, miou=0.4)])) == ""
    lost = [run("generated", 0, miou=0.4), run("real", 0, miou=0.0)]
    assert verdict(summarise(lost)) == "Real pairs reach no mIoU: train longer."


def test_words() -> None:
    assert words({"mean": 0.1234, "spread": 0.01}) == "12.3 ± 1.0 %"
    assert words({"mean": 0.5, "spread": None}) == "50.0 %"
