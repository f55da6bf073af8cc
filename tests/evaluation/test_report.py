"""The page: self-contained, complete, narrow enough for a phone, right in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pandiff.data.scenes import TAXONOMY
from pandiff.evaluation.evaluate import report
from pandiff.evaluation.measuring import Judges, Measuring
from pandiff.evaluation.questions import SceneQuestions
from pandiff.evaluation.report import write_page
from pandiff.evaluation.report.svg import BINS, Bar, bin_edges, histogram, intervals
from pandiff.evaluation.sample_sets import REFERENCE, TEXT, Sample, fill, real
from pandiff.evaluation.segmenters import find_segmenter

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
COUNT = 6
PHONE = 390
NASTY = "<script>alert('x')</script> & a_very_long_word" + "_without_end" * 20


def nasty(numbers):  # type: ignore[no-untyped-def]
    """Wrong and blurred samples whose prompts are markup."""
    for k in numbers:
        other = SceneQuestions(64)(k + 50)
        yield Sample(other.image, other.panoptic, {"prompt": NASTY, "sharpness": 0.1 + k / 10})


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of six samples that fail in several ways."""
    path, questions = tmp_path_factory.mktemp("page"), SceneQuestions(64)
    makers = {REFERENCE: real(questions), TEXT: nasty, "map_to_image": real(questions),
              "image_to_map": real(questions)}  # fmt: skip
    sets = {n: fill(path / n, TAXONOMY, COUNT, 3, m) for n, m in makers.items()}
    judges = Judges(find_segmenter("scenes-segmenter", TAXONOMY))
    rows = Measuring(sets, judges).run()
    setup = {"model": "a/model", "data": "scenes", "count": COUNT, "seed": 0, "steps": 1,
             "guidance_scale": 3.0, "date": "2026-01-01", "segmenter": "scenes-segmenter",
             "command": "pandiff evaluate"}  # fmt: skip
    write_page(path / "report.html", report(rows, TAXONOMY, setup), rows, sets, TAXONOMY)
    return path / "report.html"


class Tags(HTMLParser):
    """Notes the tags that are opened and never closed, and every address."""

    EMPTY = ("meta", "link", "br", "path", "rect", "circle")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href", "action", "data")]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


def test_well_formed_and_self_contained(page: Path) -> None:
    text, tags = page.read_text(), Tags()
    tags.feed(text)
    assert tags.open == []
    assert all(a.startswith(("#", "data:")) for a in tags.addresses)
    assert all(u.startswith("data:image/png;base64,") for u in re.findall(r"url\(([^)]*)\)", text))
    assert "@import" not in text and "<script" not in text


def test_it_says_all_that_it_must(page: Path) -> None:
    text = page.read_text()
    for heading in ("Summary", "Ways to fail", "Samples", "Numbers", "Categories", "Directions"):
        assert f">{heading}</h2>" in text
    for title in ("Image and map disagree", "Blurry map", "Image off the prompt",
                  "Poor image with a good map"):  # fmt: skip
        assert f"<h3>{title}</h3>" in text
    assert "Not measured; it needs --inception or --features" in text
    assert text.count("<h3>Best</h3>") == text.count("<h3>Worst</h3>") >= 6
    assert "width=device-width" in text and "pandiff evaluate" in text
    assert "NaN" not in text and ">nan" not in text


def test_prompts_are_no_markup(page: Path) -> None:
    assert "&lt;script&gt;alert" in page.read_text()


def test_each_picture_is_embedded_once(page: Path) -> None:
    text = page.read_text()
    embedded = re.findall(r"\.(p-[\w-]+)\{background-image", text)
    shown = set(re.findall(r'class="pic (p-[\w-]+)"', text))
    assert len(embedded) == len(set(embedded)) and set(embedded) == shown


def browser(*options: str) -> str:
    if not Path(CHROMIUM).exists():
        pytest.skip("no chromium on this machine")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


PROBE = """<!doctype html><body><iframe width="{width}" height="800"></iframe><pre></pre><script>
const frame = document.querySelector("iframe");
frame.srcdoc = {page};
frame.onload = () => {{
  const d = frame.contentDocument, width = {width};
  d.querySelectorAll("details").forEach(e => e.open = true);
  const wide = [...d.querySelectorAll("body *")].filter(e => {{
    const box = e.getBoundingClientRect();
    return box.width && (box.right > width + 1 || box.left < -1);
  }});
  const inside = (e, plot) => {{
    const [a, b] = [e.getBoundingClientRect(), plot.getBoundingClientRect()];
    return a.left > b.left - 1 && a.right < b.right + 1
      && a.top > b.top - 1 && a.bottom < b.bottom + 1;
  }};
  const pictures = [...d.querySelectorAll(".pic")];
  document.querySelector("pre").textContent = JSON.stringify({{
    scroll: d.documentElement.scrollWidth,
    wide: wide.map(e => e.outerHTML.slice(0, 80)),
    requests: frame.contentWindow.performance.getEntriesByType("resource")
      .map(e => e.name).filter(n => !n.startsWith("data:")),
    pictures: pictures.length,
    painted: pictures.filter(e =>
      frame.contentWindow.getComputedStyle(e).backgroundImage.startsWith("url(\\"data:")
      && e.offsetWidth > 60 && e.offsetWidth === e.offsetHeight).length,
    marks: d.querySelectorAll("svg.plot .threshold").length,
    outside: [...d.querySelectorAll("svg.plot > *")].filter(e => !inside(e, e.closest("svg")))
      .map(e => e.outerHTML),
    plots: [...d.querySelectorAll("svg.plot")].filter(e => e.getBBox().width > 100).length,
    font: frame.contentWindow.getComputedStyle(d.body).fontSize,
  }});
}};
</script></body>"""


@pytest.mark.parametrize("width", [PHONE, 1200])
def test_in_a_browser(page: Path, tmp_path: Path, width: int) -> None:
    content = json.dumps(page.read_text()).replace("</", "<\\/")
    probe = tmp_path / "probe.html"
    probe.write_text(PROBE.format(width=width, page=content))
    options = (f"--user-data-dir={tmp_path}/profile", "--virtual-time-budget=20000", "--dump-dom")
    dom = browser(*options, f"file://{probe}")
    found = json.loads(re.findall(r"<pre>(\{.*\})</pre>", dom, re.DOTALL)[0].replace("&lt;", "<")
                       .replace("&gt;", ">").replace("&amp;", "&"))  # fmt: skip
    assert found["wide"] == []
    assert found["scroll"] <= width
    assert found["requests"] == []
    assert found["painted"] == found["pictures"] > 40
    assert found["marks"] == 3 and found["outside"] == []
    assert found["plots"] >= 8 and found["font"] == "16px"


def test_a_screenshot_has_color(page: Path, tmp_path: Path) -> None:
    shot = tmp_path / "shot.png"
    browser(f"--user-data-dir={tmp_path}/profile", f"--window-size={PHONE},5000",
            f"--screenshot={shot}", f"file://{page}")  # fmt: skip
    with Image.open(shot) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.shape[1] == PHONE
    assert (np.ptp(pixels, axis=2) > 60).mean() > 0.01


def test_plots_keep_odd_numbers_out() -> None:
    values = np.array([0.5, np.nan, 0.5])
    assert "nan" not in histogram(values, None, 0.2, "x")
    assert histogram(np.full(3, np.nan), None, None, "x").startswith("<svg")
    bars = [Bar("a", 0.5, None, None, "50", (("b", 0.7),)), Bar("c", -0.5, -1, 0, "d")]
    svg = intervals(bars, "l")
    assert svg.count('class="whisker"') == 1 and "None" not in svg


def columns(svg: str) -> list[tuple[str, str]]:
    """The kind of each bar, and its count of how many."""
    return re.findall(r'<rect class="([\w ]+)".*?<title>(\d+ of \d+),', svg)


def test_a_histogram_counts() -> None:
    """Widths of 1/16: a value on the threshold is not below it, and NaN is nowhere."""
    made = np.array([0.0, 0.49, 0.49, 0.5, 1.0, np.nan])
    svg = histogram(made, np.array([0.5, 1.0]), 0.5, "x")
    assert columns(svg) == [
        ("made below", "1 of 5"), ("made below", "2 of 5"), ("made", "1 of 5"), ("made", "1 of 5"),
        ("real", "1 of 2"), ("real", "1 of 2"),
    ]  # fmt: skip
    heights = [float(h) for h in re.findall(r'<rect.*? height="([\d.]+)"', svg)]
    assert heights == pytest.approx([32, 64, 32, 32, 80, 80])
    assert svg.count('class="threshold"') == 1 and ">0.5</text>" in svg
    without = histogram(made, None, None, "x")
    assert [kind for kind, _ in columns(without)] == ["made"] * 4
    assert "threshold" not in without


@pytest.mark.parametrize("threshold", [0.0, 0.013, 0.5, 0.777, 1.0])
def test_a_threshold_is_an_edge(threshold: float) -> None:
    edges = bin_edges(0, 1, threshold)
    assert threshold in edges
    assert np.diff(edges) == pytest.approx(1 / BINS)
    assert -1 / BINS < edges[0] <= 0 and 1 <= edges[-1] < 1 + 1 / BINS
    assert bin_edges(0, 1, None).tolist() == [k / BINS for k in range(BINS + 1)]
