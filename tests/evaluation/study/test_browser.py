"""The page in a real browser: two raters click through a study, and the report appears."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pandiff.evaluation.study.report import write_report
from pandiff.evaluation.study.server import Server
from pandiff.evaluation.study.study import Study

PHONE, DESK = (390, 844), (1280, 800)
READY = "document.querySelector('#choices button:enabled')"
DONE = "!document.getElementById('end').hidden"


@pytest.fixture
def address(study: Study) -> Iterator[str]:
    with Server(study, port=0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.address
        server.shutdown()
        thread.join()


def begin(tab: Any, address: str, name: str, size: tuple[int, int]) -> None:
    tab.resize(*size)
    tab.open(address)
    tab.wait("!document.getElementById('start').hidden")
    tab.click("#name")
    tab.type(name)
    tab.click("#begin")
    tab.wait(READY)


def fits(tab: Any) -> list[str]:
    """What sticks out of the page, or cannot be reached by a thumb."""
    return tab.js(
        "[...document.querySelectorAll('main *, footer *')].filter(e => {"
        "const b = e.getBoundingClientRect();"
        "return b.width && (b.right > innerWidth + 1 || b.left < -1"
        " || e.tagName === 'BUTTON' && b.height < 40)}).map(e => e.outerHTML.slice(0, 90))"
    )


def rate(tab: Any, answer: dict[str, str]) -> list[str]:
    """Click one answer after another up to the end; returns the kinds of the questions."""
    kinds = []
    while True:
        tab.wait(f"{DONE} || {READY}")
        if tab.js(DONE):
            return kinds
        kind, slot = tab.js("[question.kind, question.slot]")
        assert fits(tab) == []
        assert tab.js("[...document.querySelectorAll('#shown img')].every(i => i.naturalWidth)")
        kinds.append(kind)
        tab.click(f"[data-answer='{answer[kind]}']", times=2)  # a double click counts once
        tab.wait(f"{DONE} || question.slot > {slot}")


def test_two_raters_and_a_report(browser: Any, address: str, study: Study, tmp_path: Path) -> None:
    ann, bob = browser.tab(), browser.tab()
    begin(ann, address, "Ann", PHONE)
    begin(bob, address, "Bob", DESK)
    assert rate(ann, {"maps": "left", "score": "4"}).count("maps") >= 4
    rate(bob, {"maps": "right", "score": "2"})
    found = study.ratings.all()
    for rater, choice, score in ((0, "left", "4"), (1, "right", "2")):
        mine = [r for r in found if r.rater == rater]
        assert [r.item for r in mine] == [t.item for t in study.turns(rater)]
        assert {r.answer for r in mine} == {choice, score}
        assert all(0 <= r.seconds < 120 for r in mine)
    write_report(study.path)
    ann.open(f"file://{study.path}/report.html")
    assert ann.js("document.querySelector('h1').innerText") == "What people say of right and worse"
    assert ann.js("document.documentElement.scrollWidth") <= PHONE[0]
    ann.screenshot(tmp_path / "report.png")
    with Image.open(tmp_path / "report.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 10


def test_a_reload_goes_on_where_it_was(browser: Any, address: str, study: Study) -> None:
    tab = browser.tab()
    begin(tab, address, "Ann", DESK)
    tab.press("ArrowRight")
    tab.wait(f"question.slot === 1 && {READY}")
    before = tab.js("JSON.stringify(question)")
    tab.open(address)
    tab.wait(f"question && {READY}")
    assert tab.js("JSON.stringify(question)") == before
    assert [r.answer for r in study.ratings.all()] == ["right"]
    other = browser.tab()  # of somebody else: a name is not enough to answer in its place
    other.open(address)
    other.wait("!document.getElementById('start').hidden")
    other.click("#name")
    other.type("ann")
    other.click("#begin")
    other.wait("!document.getElementById('refused').hidden")
    other.open(address + tab.js("location.hash"))  # but the link is
    other.wait(f"question && {READY}")
    assert other.js("JSON.stringify(question)") == before


def test_without_a_connection_nothing_is_lost(browser: Any, address: str, study: Study) -> None:
    tab = browser.tab()
    begin(tab, address, "Ann", DESK)
    offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    tab.call("Network.emulateNetworkConditions", offline=True, **offline)
    tab.click("[data-answer='same']")
    tab.wait("!document.getElementById('trouble').hidden")
    assert study.ratings.all() == []
    tab.call("Network.emulateNetworkConditions", offline=False, **offline)
    tab.wait(f"question.slot === 1 && {READY}")
    assert tab.js("document.getElementById('trouble').hidden")
    assert [r.answer for r in study.ratings.all()] == ["same"]


def test_the_slider_shows_the_image_below_the_map(browser: Any, address: str) -> None:
    tab = browser.tab()
    begin(tab, address, "Ann", DESK)
    opacity = "getComputedStyle(document.querySelector('.stack img + img')).opacity"
    assert tab.js(opacity) == "1"
    tab.js("over.value = 0.25; over.dispatchEvent(new Event('input'))")
    assert tab.js(opacity) == "0.25"
