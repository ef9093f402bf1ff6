"""A stand-in for the Hugging Face Hub on the loopback interface: models only, in memory, standard library only.

An unmodified ``huggingface_hub`` (1.x from 1.31 on, and 2.x) creates, pushes, tags, lists and pulls here::

    with HubServer() as server:
        talking_to(server, monkeypatch, tmp_path)
        server.add("lab/model", {"config.json": b"{}"})
        server.fail("GET", "config.json", 503)

Two things the Hub has are missing on purpose: redirects to other hosts, and the xet protocol.
"""

from __future__ import annotations

import json
import os
import re
import socketserver
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from importlib.util import module_from_spec
from socket import SHUT_RDWR
from types import SimpleNamespace
from urllib.parse import parse_qs, unquote, urlsplit

from hub_repos import Api, Content, Hub, HubError, route


class Pause(threading.Event):
    """Holds one request until ``set()``; ``arrived`` is set as soon as the request is there."""

    def __init__(self):
        super().__init__()
        self.arrived = threading.Event()

    def hold(self):
        self.arrived.set()
        self.wait()


@dataclass
class Fault:
    """One thing to do wrong, once, with a request of this method to this place."""

    kind: str
    method: str
    place: str
    value: object = None
    skip: int = 0

    def matches(self, kind: str, method: str, path: str, file_name: str | None) -> bool:
        here = path.startswith(self.place) or file_name == self.place
        return here and (kind, method) == (self.kind, self.method)


class HubServer(Hub):
    """The Hub for the time of a ``with``: what is on it, what it was asked, and what it is to do wrong.

    A place is a path prefix (``/api/models/lab/model/commit``, ``/lfs/``) or the name of a file that is downloaded.
    Each planned fault is used up by one request; ``tamper`` (other bytes for a file name) and ``lie`` (the size that
    listings state for a file name) hold until they are taken away.
    """

    def __init__(self):
        super().__init__()
        self.log: list[str] = []
        self.ranges: list[tuple[str, int]] = []  # the file and the first byte of each download that was resumed
        self.tamper: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.pauses: list[Pause] = []
        self.closing = False

    def __enter__(self):
        self.listener = Listener(self)
        self.url = f"http://127.0.0.1:{self.listener.server_address[1]}"
        threading.Thread(target=self.listener.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closing = True
        for pause in self.pauses:
            pause.set()
        self.listener.stop()

    def fail(self, method: str, place: str, *statuses: int):
        """Answer the next requests with these statuses."""
        self.plan(*(Fault("fail", method, place, status) for status in statuses))

    def drop(self, method: str, place: str, times: int = 1, *, after: bool = False):
        """Close the connection without any answer: instead of doing what was asked, or ``after`` doing it."""
        self.plan(*(Fault("drop", method, place, after) for _ in range(times)))

    def cut(self, file_name: str, at: int, times: int = 1):
        """Announce a file in full, send so many bytes of it and close the connection."""
        self.plan(*(Fault("cut", "GET", file_name, at) for _ in range(times)))

    def pause(self, method: str, place: str, skip: int = 0) -> Pause:
        """Hold the next request, or the one after ``skip`` others, before its body is read.

        Once released it is carried out, even if its client has gone, provided that its body had come in full.
        """
        pause = Pause()
        self.pauses.append(pause)
        self.plan(Fault("pause", method, place, pause, skip))
        return pause

    def plan(self, *faults: Fault):
        with self.lock:
            self.faults.extend(faults)

    def planned(self, kind: str, method: str, path: str, file_name: str | None) -> Fault | None:
        """Use up the first fault of this kind for this request."""
        with self.lock:
            fault = next((fault for fault in self.faults if fault.matches(kind, method, path, file_name)), None)
            if fault and fault.skip:
                fault.skip -= 1
                return None
            if fault:
                self.faults.remove(fault)
            return fault


class Listener(socketserver.ThreadingTCPServer):
    """Accepts connections and knows which are open; none of its threads keeps the process alive."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, hub: HubServer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.hub = hub
        self.connections = set()

    def process_request(self, request, client_address):
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.connections.discard(request)
        super().shutdown_request(request)

    def stop(self):
        self.shutdown()
        self.server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    """The HTTP of one connection: notes each request, does what was planned, and leaves the rest to ``Api``."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body would wait forty milliseconds for the acknowledgement of its head

    def log_message(self, *_):
        pass

    def handle(self):
        with suppress(ConnectionError):  # a client that went away, an answer that is withheld, the end of the server
            super().handle()

    def answer(self):
        hub = self.server.hub
        hub.log.append(f"{self.command} {self.path}")
        url = urlsplit(self.path)
        name, fields = route("GET" if self.command == "HEAD" else self.command, url.path)
        place = (self.command, unquote(url.path), fields.get("path"))
        if pause := hub.planned("pause", *place):
            pause.value.hold()
        body = self.read_body()
        drop = hub.planned("drop", *place)
        if hub.closing or (drop and not drop.value):
            raise ConnectionAbortedError
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        api = Api(hub, self.headers.get("Authorization", "").removeprefix("Bearer ") or None, query, body)
        fault = hub.planned("fail", *place)
        answer = (fault.value, {"error": "Planned by the test"}) if fault else self.carried_out(api, name, fields)
        if drop:
            raise ConnectionAbortedError
        if isinstance(answer, Content):
            self.send_file(answer, hub.planned("cut", *place))
        else:
            self.send(*answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the names are http.server's

    def carried_out(self, api: Api, name: str | None, fields: dict[str, str]) -> Content | tuple:
        """Do what the request asks; return a file, or the status, the JSON and the headers of an answer."""
        try:
            if name is None:
                raise HubError(404, f"The stand-in has no route for {self.command} {self.path}")
            with api.hub.lock:
                api.check_token()
                answer = getattr(api, name)(**fields)
        except HubError as error:
            return error.status, {"error": str(error)}, error.headers
        return answer if isinstance(answer, Content | tuple) else (200, answer)

    def read_body(self) -> bytes:
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        if len(body) < size:
            raise ConnectionAbortedError
        return body

    def send_file(self, file: Content, cut: Fault | None):
        """Send a file, or the end of it; all headers belie bytes that were tampered with, but for their number."""
        data = self.server.hub.tamper.get(file.name, file.blob.data)
        headers = {"X-Repo-Commit": file.commit.sha, "ETag": f'"{file.blob.etag}"', "Accept-Ranges": "bytes"}
        if file.blob.lfs:
            headers |= {"X-Linked-Etag": f'"{file.blob.sha256}"', "X-Linked-Size": str(len(data))}
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and self.command == "GET":
            self.server.hub.ranges.append((file.name, int(wanted[1])))
            headers["Content-Range"] = f"bytes {wanted[1]}-{len(data) - 1}/{len(data)}"
            self.send(206, data[int(wanted[1]) :], headers, cut)
        else:
            self.send(200, data, headers, cut)

    def send(self, status: int, content: object, headers: dict[str, str] | None = None, cut: Fault | None = None):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        kind = "application/octet-stream" if isinstance(content, bytes) else "application/json"
        self.send_response(status)
        for key, value in ({"Content-Type": kind, "Content-Length": str(len(data))} | (headers or {})).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: cut.value] if cut else data)
        if cut:
            raise ConnectionAbortedError


def talking_to(server: HubServer, monkeypatch, tmp_path):
    """Let ``huggingface_hub`` here, and in processes started from here, know no other Hub than this server.

    The library reads the environment when it is imported: its constants are read once more under the new environment,
    and those that differ are put wherever they were copied to.
    """
    import huggingface_hub.file_download
    import huggingface_hub.hf_api
    from huggingface_hub import constants, utils

    stale = [name for name in os.environ if name.startswith(("HF_", "HUGGING"))]
    for name in (*stale, "ZOO_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_TOKEN", server.token)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("XET", "TELEMETRY", "PROGRESS_BARS"):
        monkeypatch.setenv(f"HF_HUB_DISABLE_{name}", "1")

    fresh = module_from_spec(constants.__spec__)
    constants.__spec__.loader.exec_module(fresh)
    new = {name: value for name, value in vars(fresh).items() if name.isupper()}
    changed = {name for name in new if new[name] != getattr(constants, name)}
    for module in [module for name, module in sys.modules.items() if name.startswith("huggingface_hub")]:
        for name in changed & vars(module).keys():
            monkeypatch.setattr(module, name, new[name])
    monkeypatch.setattr(huggingface_hub.hf_api.api, "endpoint", server.url)
    utils.close_session()


def without_waiting(monkeypatch):
    """Let ``huggingface_hub`` repeat its requests at once, in this process, instead of after seconds."""
    import huggingface_hub.file_download
    from huggingface_hub.utils import _http

    hasty = SimpleNamespace(**(vars(time) | {"sleep": lambda _: None}))
    for module in (_http, huggingface_hub.file_download):
        monkeypatch.setattr(module, "time", hasty)
