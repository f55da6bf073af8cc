"""The server over HTTP: what it serves, and that bad input leaves nothing but a clear word."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pandiff.errors import InputError
from pandiff.evaluation.study.server import Server
from pandiff.evaluation.study.study import Study

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def server(study: Study) -> Iterator[Server]:
    with Server(study, port=0) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def ask(
    server: Server, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    connection.request(method, path, body, headers or {})
    reply = connection.getresponse()
    content = reply.read()
    connection.close()
    return reply.status, content, dict(reply.headers)


def post(server: Server, path: str, values: Any) -> tuple[int, Any]:
    status, content, _ = ask(server, "POST", path, json.dumps(values), JSON)
    return status, json.loads(content)


def test_the_page_asks_for_nothing_from_elsewhere(server: Server) -> None:
    status, content, headers = ask(server, "GET", "/")
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert b"http://" not in content and b"https://" not in content
    assert b'name="viewport"' in content and server.desk.study.mark.encode() in content


def test_pictures(server: Server) -> None:
    shown = next(iter(server.desk.study.shown.values()))
    status, content, headers = ask(server, "GET", f"/picture/{shown.image}.png")
    assert status == 200 and content.startswith(b"\x89PNG")
    assert headers["Content-Type"] == "image/png"
    for path in ("/picture/nothing.png", "/picture/../study.json", "/picture/%2e%2e/study.png",
                 "/picture/", "/study.json", "/ratings.sqlite", "/x"):  # fmt: skip
        status, content, _ = ask(server, "GET", path)
        assert (status, json.loads(content)) == (404, {"error": "no such page"}), path


def test_a_question_and_its_answer(server: Server) -> None:
    _, joined = post(server, "/join", {"name": "Ann"})
    _, state = post(server, "/question", joined)
    answer = {**joined, "slot": 0, "answer": "left", "seconds": 2.5}
    status, then = post(server, "/answer", answer)
    assert status == 200 and then["done"] == 1 and then["question"] != state["question"]
    assert post(server, "/answer", answer) == (200, then)
    assert len(server.desk.ratings.all()) == 1


def test_many_raters_at_once(server: Server) -> None:
    def rate(name: int) -> int:
        _, joined = post(server, "/join", {"name": str(name)})
        _, state = post(server, "/question", joined)
        while (asked := state["question"]) is not None:
            answer = {**joined, "slot": asked["slot"], "answer": asked["answers"][0], "seconds": 1}
            assert post(server, "/answer", answer)[0] == 200
            status, state = post(server, "/answer", answer)
            assert status == 200
        return int(state["total"])

    with ThreadPoolExecutor(4) as pool:
        totals = list(pool.map(rate, range(4)))
    assert len(server.desk.ratings.all()) == sum(totals)


@pytest.mark.parametrize(
    ("body", "headers", "message"),
    [
        (b"{", JSON, "expected JSON"),
        (b"\xff\xfe", JSON, "expected JSON"),
        (b"[" * 9000, JSON, "expected JSON"),
        (b"[]", JSON, "expected a JSON object, got list"),
        (b"{}", {"Content-Type": "text/plain"}, "expected application/json, got text/plain"),
        (b"{}", {}, "expected application/json, got none"),
        (b"x" * 10_001, JSON, "expected at most 10000 bytes, got a length of 10001"),
        (b"", {**JSON, "Content-Length": "-5"}, "expected at most 10000 bytes"),
        (b"", {**JSON, "Content-Length": "²"}, "expected at most 10000 bytes"),
        (b"{}", JSON, "expected a name of 1 to 60 letters, got None"),
    ],
)
def test_bad_input(server: Server, body: bytes, headers: dict[str, str], message: str) -> None:
    status, content, _ = ask(server, "POST", "/join", body, headers)
    assert status == 400 and json.loads(content)["error"].startswith(message)
    assert post(server, "/join", {"name": "still there"})[0] == 200


def test_each_refusal_has_its_status(server: Server) -> None:
    assert post(server, "/join", {"name": "Ann"})[0] == 200
    assert post(server, "/join", {"name": "ANN"})[0] == 409
    assert post(server, "/question", {"rater": "nonsense"})[0] == 401
    assert post(server, "/nothing", {})[0] == 404
    assert ask(server, "PUT", "/join", b"{}", JSON)[0] == 501
    assert server.desk.ratings.all() == []


def test_an_address_that_is_taken(server: Server, study: Study) -> None:
    with pytest.raises(InputError, match=r"an address that is free, got 127\.0\.0\.1:\d+ \("):
        Server(study, port=server.server_port)
    with pytest.raises(InputError, match="an address that is free"):
        Server(study, port=99999)
