"""Sets to rate, and a real browser whose pages are clicked through a pipe."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pandiff.coco import FolderWriter
from pandiff.data.scenes import TAXONOMY, make_scene
from pandiff.evaluation.study.study import Settings, Study, make_study
from pandiff.panoptic import PanopticMap

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
COUNT = 6


def worse(panoptic: PanopticMap, seed: int) -> PanopticMap:
    """The map with a third of its segments given to their neighbours."""
    rng = np.random.default_rng(seed)
    kept = [s.id for s in panoptic.segments if rng.random() > 0.35] or [panoptic.segments[0].id]
    ids = np.where(np.isin(panoptic.ids, kept), panoptic.ids, kept[0])
    return panoptic.with_ids(ids)


def write_set(path: Path, disturbed: bool, offset: int = 0, count: int = COUNT) -> Path:
    """Scenes with their maps, or with worse ones that are less sure of themselves."""
    with FolderWriter(path, TAXONOMY) as writer:
        for k in range(count):
            scene, asked = make_scene(3, k + offset, 64), make_scene(3, k, 64)
            panoptic = worse(scene.panoptic, k) if disturbed else scene.panoptic
            sure = 0.9 - 0.02 * k - 0.4 * disturbed
            manifest = {"prompt": asked.captions[0].text, "seed": k, "confidence": sure}
            image = Image.fromarray(scene.image)
            writer.add(image, panoptic, [asked.captions[0].text], manifest=manifest)
    return path


@pytest.fixture(scope="session")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Right maps, worse maps of the same images, and other images of the same prompts."""
    root = tmp_path_factory.mktemp("sets")
    return {
        "right": write_set(root / "right", disturbed=False),
        "worse": write_set(root / "worse", disturbed=True),
        "other": write_set(root / "other", disturbed=True, offset=50),
    }


@pytest.fixture(scope="session")
def template(sets: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that nobody has answered; its pictures take a while to draw."""
    both = str(sets["right"]), str(sets["worse"])
    path = tmp_path_factory.mktemp("template") / "study"
    return make_study(path, Settings(both, 6, 6, 8, seed=1)).path


@pytest.fixture
def study(template: Path, tmp_path: Path) -> Study:
    """A study of right and worse maps: 6 choices, 6 scores, of which a rater gets 8."""
    return Study.open(shutil.copytree(template, tmp_path / "study"))


class Tab:
    """One page of a browser."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def call(self, method: str, **params: Any) -> Any:
        return self._browser.call(method, self._session, **params)

    def open(self, address: str) -> None:
        """Go to an address; a new fragment of the same one also makes the page load anew."""
        self.js("window.left = true")
        self.call("Page.navigate", url=address)
        self.wait("!window.left && document.readyState === 'complete'")

    def js(self, code: str) -> Any:
        found = self.call("Runtime.evaluate", expression=code, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, condition: str, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not self.js(f"Boolean({condition})"):
            assert time.monotonic() < end, f"{condition}: {self.js('document.body.innerText')}"
            time.sleep(0.02)

    def click(self, selector: str, times: int = 1) -> None:
        """Press and release the mouse in the middle of an element."""
        box = self.js(
            f"(() => {{const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'nearest'}); const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]})()"
        )
        for count in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1],
                          button="left", clickCount=count)  # fmt: skip

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key)

    def resize(self, width: int, height: int) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)  # fmt: skip

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


class Browser:
    """Debian's chromium, spoken to as its developers' tools do, over two pipes."""

    def __init__(self, profile: Path) -> None:
        into, self._write = os.pipe()
        self._read, out = os.pipe()
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
                 f"--user-data-dir={profile}", "--no-first-run", "about:blank")  # fmt: skip
        command = f'exec "$@" 3<&{into} 4>&{out}'
        self._process = subprocess.Popen(
            ["bash", "-c", command, "bash", CHROMIUM, *flags],
            pass_fds=(into, out), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(into)
        os.close(out)
        self._count, self._rest = 0, b""

    def call(self, method: str, session: str | None = None, **params: Any) -> Any:
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        message |= {"sessionId": session} if session else {}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            reply = self._message()
            if reply.get("id") == self._count:
                assert "error" not in reply, reply
                return reply["result"]

    def _message(self) -> Any:
        while b"\0" not in self._rest:
            part = os.read(self._read, 1 << 20)
            assert part, "the browser has gone"
            self._rest += part
        first, self._rest = self._rest.split(b"\0", 1)
        return json.loads(first)

    def tab(self) -> Tab:
        """A new page of somebody who shares nothing with the others."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)
        session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        tab = Tab(self, session["sessionId"])
        for domain in ("Page", "Runtime", "Network"):
            tab.call(f"{domain}.enable")
        return tab

    def close(self) -> None:
        self.call("Browser.close")
        self._process.wait(20)
        os.close(self._read)
        os.close(self._write)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser; the test is skipped where there is none."""
    if not Path(CHROMIUM).exists():
        pytest.skip("no chromium on this machine")
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()
