"""The sample library is declared again without undoing what a person did with it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from demo import publish, world
from demo.__main__ import is_taken_down
from demo.cluster import forwarded


@pytest.mark.parametrize(
    ("spec", "expected"), [({"state": "TakenDown"}, True), ({"state": "Unlisted"}, False), ({}, False)]
)
def test_title_that_was_taken_down_is_left_alone(program: Any, spec: dict[str, str], expected: bool) -> None:
    program("kubectl", f"print({json.dumps(json.dumps({'spec': spec}))})")
    assert is_taken_down("aurora-drift") is expected


def test_title_that_is_not_there_is_made(program: Any) -> None:
    program("kubectl", "")
    assert not is_taken_down("aurora-drift")


def test_forwarding_tells_why_it_does_not_start(program: Any) -> None:
    program("kubectl", "sys.exit('no such service')")
    with pytest.raises(ConnectionError, match="no such service"), forwarded("manager", 8080):
        pass


def test_forwarding_keeps_kubectls_noise_to_itself(program: Any, capfd: pytest.CaptureFixture[str]) -> None:
    noise = "print('Forwarding from 127.0.0.1:4711 -> 8080', flush=True); print('Unhandled Error', file=sys.stderr)"
    program("kubectl", f"{noise}; import time; time.sleep(60)")
    with forwarded("manager", 8080) as address:
        assert address == "http://127.0.0.1:4711"
    assert capfd.readouterr() == ("", "")


class Installation(BaseHTTPRequestHandler):
    """The sandbox's and the manager's answers that the library's program waits for."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"kurigram": "a-session"}')

    def do_PUT(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        pass


def test_installation_is_asked_directly_behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with HTTPServer(("127.0.0.1", 0), Installation) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(world, "CONTROL_URL", address)
        assert world.mint_session("worker1") == "a-session"
        publish.send_details(address, "token", "aurora-drift", {})
        server.shutdown()
