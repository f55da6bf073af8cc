"""The page that raters see: one file that asks for nothing from anywhere else."""

from pandiff.evaluation.study.script import SCRIPT
from pandiff.evaluation.study.style import CSS

BODY = """
<div id="bar"><i></i></div>
<div id="trouble" role="alert" hidden></div>
<main>
<form id="start" class="narrow" hidden>
<h1>Which map fits?</h1>
<p>You will see pictures and <b>panoptic maps</b> of them. A map gives each place of a picture a
color: the color says what is there, as listed below it, and dark lines divide one thing from the
next.</p>
<p>You are asked which of two maps fits better, and how good a map is. There is no right answer to
know; look as long as you like. Some questions come twice.</p>
<label for="name">A name, so that you can go on later</label>
<input id="name" type="text" maxlength="60" autocomplete="off" required>
<p id="refused" role="alert" hidden></p>
<button id="begin" class="go">Begin</button>
</form>
<section id="ask" hidden>
<div class="top"><h1 id="title"></h1><span id="count" class="soft"></span></div>
<p id="hint" class="soft"></p>
<div id="shown"></div>
<div id="legend"></div>
<label id="blend"><span>image</span>
<input id="over" type="range" min="0" max="1" step="0.01" value="1"
aria-label="how much of the map lies over its image"><span>map</span></label>
</section>
<section id="end" class="narrow" hidden>
<h1>Thank you!</h1>
<p>You have answered all <b id="given"></b> questions. You can close this page.</p>
<p><button class="link leave">Somebody else answers now</button></p>
</section>
</main>
<footer id="answers" hidden>
<div id="ends"><span>1 poor</span><span>5 excellent</span></div>
<div id="choices"></div>
</footer>
"""


def page(study: str) -> str:
    """The page.

    Args:
        study: letters and figures that name the study, so that a browser keeps several apart.
    """
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>Which map fits?</title><style>{CSS}</style></head><body>{BODY}"
        f'<script>const STUDY = "{study}";{SCRIPT}</script></body></html>\n'
    )
