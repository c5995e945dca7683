"""The hub, played by a server on loopback: what is fetched, what is cached, and what is said when it is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from small_models import saved

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    """Serves <tmp_path>/hub/<organisation>/<name>/<file> as huggingface_hub asks for it; `asked` has the paths."""
    root, asked = tmp_path / "hub", list[str]()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, body: bool) -> None:
            asked.append(self.path)
            organisation, name, _, revision, file = self.path.strip("/").split("/", 4)
            path = root / organisation / name / file
            known = revision in {"main", COMMIT}
            if organisation == "closed":
                self.send_response(401)
                self.send_header("X-Error-Code", "GatedRepo")
            elif not known or not path.is_file():
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound" if known else "RevisionNotFound")
            else:
                self.send_response(200)
                self.send_header("ETag", f'"{path.stat().st_size:064x}"')
            self.send_header("X-Repo-Commit", COMMIT)
            content = path.read_bytes() if known and path.is_file() else b""
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = asked  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


PROGRAM = """
import sys
from benchbert.errors import UnavailableError
from benchbert.lock import ModelLock
from benchbert.models.load import load_model, load_tokenizer

def attempt(hub_id, revision=""):
    model = ModelLock(name="m", family="bert", weights="published", hub_id=hub_id, revision=revision)
    try:
        load_tokenizer(model)
        print(hub_id, load_model(model, head="encoder").format, load_tokenizer(model).tokenize("The cats"))
    except UnavailableError as error:
        print(hub_id, "ERROR", error)

for name in sys.argv[1:]:
    attempt(*name.split("@"))
"""


def test_hub_cache_and_offline(tmp_path: Path, hub: ThreadingHTTPServer) -> None:
    for name, kind in (("org/safe", "safetensors"), ("org/old", "bin")):
        saved(tmp_path / "hub" / name, kind=kind)
    saved(tmp_path / "hub" / "org" / "flax")
    (tmp_path / "hub" / "org" / "flax" / "model.safetensors").unlink()

    def run(
        *names: str, offline: bool = False, endpoint: str = f"http://127.0.0.1:{hub.server_port}"
    ) -> dict[str, str]:
        environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": endpoint}
        environment |= {"HF_HUB_OFFLINE": str(int(offline)), "HF_HUB_DISABLE_XET": "1"}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *names], env=environment, capture_output=True, text=True, check=True
        )
        return dict(zip(names, done.stdout.splitlines(), strict=True))

    said = run("org/safe", f"org/old@{COMMIT}", "org/flax", "org/none", "closed/model", f"org/safe@{'f' * 40}")
    assert said["org/safe"] == "org/safe safetensors ['the', 'cat', '##s']"
    assert said[f"org/old@{COMMIT}"] == "org/old bin ['the', 'cat', '##s']"
    assert "neither model.safetensors nor pytorch_model.bin" in said["org/flax"]
    assert "has no config.json" in said["org/none"]
    # A commit in the cache is not asked for again, not even for the files that it does not have.
    asked = [path for path in hub.asked if "/old/" in path]  # type: ignore[attr-defined]
    assert max(asked.count(path) for path in asked if "tokenizer_config" in path) == 1
    assert "gated: accept its terms" in said["closed/model"]
    assert "no such revision" in said[f"org/safe@{'f' * 40}"]

    said = run("org/safe", f"org/old@{COMMIT}", "org/never", offline=True)
    assert said["org/safe"] == "org/safe safetensors ['the', 'cat', '##s']"
    assert said[f"org/old@{COMMIT}"] == "org/old bin ['the', 'cat', '##s']"
    assert "HF_HUB_OFFLINE forbids" in said["org/never"]
