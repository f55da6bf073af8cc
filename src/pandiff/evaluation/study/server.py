"""The web server of a study: one page, its pictures, three calls with JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pandiff.errors import InputError
from pandiff.evaluation.study.desk import Desk, NotJoined
from pandiff.evaluation.study.page import page
from pandiff.evaluation.study.ratings import NameTaken
from pandiff.evaluation.study.study import Study

LONGEST = 10_000
"""Bytes of a call."""
SAFE = {
    "Content-Security-Policy": "default-src 'self'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""No page, picture or script from anywhere else."""
CALLS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "/join": (Desk.join, ("name",)),
    "/question": (Desk.question, ("rater",)),
    "/answer": (Desk.answer, ("rater", "slot", "answer", "seconds")),
}
"""What may be called, and with which values, all of which must be there."""


class Server(ThreadingHTTPServer):
    """Serves a study until it is shut down.

    Args:
        study: the study.
        host: address to listen at; 127.0.0.1 for this machine alone.
        port: 0 for any that is free.
    """

    daemon_threads = True

    def __init__(self, study: Study, host: str = "127.0.0.1", port: int = 8000) -> None:
        try:
            super().__init__((host, port), Handler)
        except (OSError, OverflowError) as error:
            raise InputError("an address that is free", f"{host}:{port} ({error})",
                             "choose another --port") from None  # fmt: skip
        self.desk, self.gallery = Desk(study, study.ratings), study.gallery
        self.page = page(study.mark).encode()

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{self.server_address[0]!s}:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        """The page, or a picture."""
        picture = self.path.removeprefix("/picture/").removesuffix(".png")
        if self.path == "/":
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page)
        elif picture != self.path and (content := self.server.gallery.read(picture)):
            self._send(HTTPStatus.OK, "image/png", content, "private, max-age=86400, immutable")
        else:
            self._fail(HTTPStatus.NOT_FOUND, "no such page")

    def do_POST(self) -> None:
        """One of `CALLS`."""
        if self.path not in CALLS:
            self._fail(HTTPStatus.NOT_FOUND, "no such call")
            return
        call, names = CALLS[self.path]
        try:
            values = self._values()
            result = call(self.server.desk, *(values.get(name) for name in names))
        except NotJoined as error:
            self._fail(HTTPStatus.UNAUTHORIZED, str(error))
        except NameTaken as error:
            self._fail(HTTPStatus.CONFLICT, str(error))
        except InputError as error:
            self._fail(HTTPStatus.BAD_REQUEST, str(error))
        else:
            self._send_json(HTTPStatus.OK, result)

    def _values(self) -> dict[str, Any]:
        """The JSON object that was sent; other sites cannot send one without asking."""
        kind = self.headers.get("Content-Type", "none").split(";")[0].strip()
        if kind != "application/json":
            raise InputError("application/json", kind, "send that")
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LONGEST:
            got = f"a length of {length[:20] or 'none'}"
            raise InputError(f"at most {LONGEST} bytes", got, "send less")
        try:
            values = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise InputError("JSON", str(error), "mend it") from None
        if not isinstance(values, dict):
            raise InputError("a JSON object", type(values).__name__, "send one")
        return values

    def _fail(self, status: HTTPStatus, message: str) -> None:
        self.close_connection = True  # what was sent may not have been read
        self._send_json(status, {"error": message})

    def _send_json(self, status: HTTPStatus, content: Any) -> None:
        self._send(status, "application/json", json.dumps(content).encode())

    def _send(
        self, status: HTTPStatus, kind: str, content: bytes, caching: str = "no-store"
    ) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(content))}
        for name, value in (headers | SAFE | {"Cache-Control": caching}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the ratings are the record."""
