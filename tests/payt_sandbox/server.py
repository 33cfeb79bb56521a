"""The sandbox over real HTTP."""

import json
import socket
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from . import api, files, page, tokens
from .contract import ContractBroken
from .control import Control
from .faults import Fault, Faults
from .problems import Problem, invalid, not_found
from .traffic import Entry, Traffic
from .webhooks import Postman
from .world import World

MAX_BODY = 64 * 1024 * 1024


@dataclass
class Answer:
    """What goes back; ``content`` None closes the connection instead."""

    status: int
    content: bytes | None
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class SandboxServer(ThreadingHTTPServer):
    """One world behind one port."""

    daemon_threads = True
    # a test opens many connections at once
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], world: World) -> None:
        super().__init__(address, Handler)
        self.world = world
        self.faults = Faults()
        self.traffic = Traffic()
        self.postman = Postman(world)
        self.control = Control(world, self.faults, self.traffic, self.postman)
        world.base_url = self.url

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host}:{port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class Handler(BaseHTTPRequestHandler):
    """One connection, with as many requests as the client sends."""

    protocol_version = "HTTP/1.1"
    server_version = "PaytSandbox"
    sys_version = ""
    server: SandboxServer

    def setup(self) -> None:
        super().setup()
        # answers are written in two pieces; without this the second waits for the client's acknowledgement (40 ms)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)

    def do_GET(self) -> None:  # noqa: N802 (the names are http.server's)
        self._handle()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the traffic log has it, without tokens."""

    # === ONE REQUEST

    def _handle(self) -> None:
        content = self._read()
        if content is None:
            return
        path = urlsplit(self.path).path
        try:
            if path.startswith("/v1/"):
                answer = self._api(path, content)
            else:
                answer = self._besides(path, content)
        except Problem as problem:
            answer = _problem(problem)
        self._send(answer)

    def _read(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            self.send_error(413)
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _send(self, answer: Answer) -> None:
        if answer.content is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    # === THE API

    def _api(self, path: str, content: bytes) -> Answer:
        """A request to ``/v1``, with the failure that is ordered for it, and a note of how it went."""
        started = time.time()
        operation, values = self.server.world.contract.find(self.command, path)
        fault = self.server.faults.take(self.command, unquote(path))
        problem = ""
        try:
            if not self.server.traffic.admit(self._token(), self.server.world.setting("requests_per_second")):
                answer = Answer(429, b"")
            else:
                answer = _before(fault) or self._perform(operation, values, content, fault)
        except Problem as error:
            problem = str(error)
            answer = _problem(error)
        except ContractBroken as error:
            problem = str(error)
            self.server.traffic.note_broken(f"{operation}: {error}")
            answer = _problem(invalid(problem))
        answer = _after(fault, answer)
        spent = (time.time() - started) * 1000
        name = str(operation or f"{self.command} {path}")
        self.server.traffic.note(Entry(started, name, answer.status, spent, problem, fault.kind if fault else ""))
        return answer

    def _perform(self, operation: Any, values: dict[str, str], content: bytes, fault: Fault | None) -> Answer:
        world = self.server.world
        if operation is None:
            self.server.traffic.note_broken(
                f"{self.command} {urlsplit(self.path).path} is no operation of the contract"
            )
            raise not_found("No such operation")
        with world.lock:
            tokens.check_bearer(world, self.headers.get("Authorization"), operation.scope)
            operation.check_path(values)
            query = operation.read_query(urlsplit(self.path).query)
            body = operation.read_body(self.headers.get("Content-Type", ""), content)
            status, result = api.perform(world, operation, values, query, body, fault)
            world.store.commit()
            try:
                operation.check_answer(status, result, world.setting("nulls"), "fields" in query or "fields" in body)
            except ContractBroken as error:
                self.server.traffic.answers_broken.append(f"{operation}: {error}")
            return Answer(status, json.dumps(result).encode())

    def _token(self) -> str:
        return self.headers.get("Authorization", "")

    # === BESIDES THE API

    def _besides(self, path: str, content: bytes) -> Answer:
        world = self.server.world
        if path.startswith("/_sandbox/"):
            result = self.server.control.answer(self.command, path.removeprefix("/_sandbox/"), content)
            return Answer(200, json.dumps(result).encode())
        if path.startswith("/oauth/"):
            return self._oauth(path, content)
        if path.startswith("/file_storage/") and self.command == "PUT":
            return self._upload(path, content)
        if path.startswith("/_files/"):
            return self._file(path)
        if path == "/" and self.command == "GET":
            with world.lock:
                shown = page.html(world, self.server.traffic, self.server.faults, urlsplit(self.path).query)
            return Answer(200, shown.encode(), "text/html; charset=utf-8")
        raise not_found()

    def _oauth(self, path: str, content: bytes) -> Answer:
        world = self.server.world
        fault = self.server.faults.take(self.command, path)
        answer = _before(fault)
        if answer is None:
            try:
                with world.lock:
                    if path == "/oauth/token" and self.command == "POST":
                        result = tokens.token_endpoint(world, self.headers.get("Authorization"), content)
                        answer = Answer(200, json.dumps(result).encode())
                    elif path == "/oauth/authorize" and self.command == "GET":
                        back = tokens.authorize_endpoint(world, urlsplit(self.path).query)
                        answer = Answer(302, b"", headers=(("Location", back),))
                    else:
                        raise not_found()
                    world.store.commit()
            except tokens.OAuthProblem as error:
                shape = {"error": error.code, "error_description": str(error)}
                answer = Answer(error.status, json.dumps(shape).encode())
        self.server.traffic.note(Entry(time.time(), f"{self.command} {path}", answer.status, 0.0))
        return _after(fault, answer)

    def _upload(self, path: str, content: bytes) -> Answer:
        world = self.server.world
        fault = self.server.faults.take(self.command, "/file_storage")
        answer = _before(fault)
        try:
            if answer is None:
                with world.lock:
                    files.upload(world, path.rpartition("/")[2], self.headers.get("Content-Type", ""), content)
                    world.store.commit()
                answer = Answer(204, b"")
        except Problem as error:
            answer = _problem(error)
        self.server.traffic.note(Entry(time.time(), "PUT /file_storage", answer.status, 0.0))
        return _after(fault, answer)

    def _file(self, path: str) -> Answer:
        world = self.server.world
        with world.lock:
            record = world.store.files.get(path.split("/")[2])
            content = record and world.store.get_file(record["checksum"])
        if not content:
            raise not_found()
        return Answer(200, content, record["content_type"])


def _problem(problem: Problem) -> Answer:
    return Answer(problem.status, json.dumps({"code": problem.code, "message": str(problem)}).encode())


def _before(fault: Fault | None) -> Answer | None:
    """The answer of a failure that comes before anything is processed."""
    if fault is None:
        return None
    retry = (("Retry-After", str(fault.retry_after)),) if fault.retry_after is not None else ()
    if fault.kind == "throttle":
        return Answer(429, b"", headers=retry)
    if fault.kind == "error":
        return Answer(fault.status or 500, b"", "text/html", retry)
    if fault.kind == "drop":
        return Answer(0, None)
    if fault.kind == "refuse":
        return _problem(invalid(fault.reason))
    if fault.kind == "expired_token":
        return _problem(Problem(401, "unauthorized", "The access token expired"))
    if fault.kind == "forbidden":
        return _problem(Problem(403, "forbidden", fault.reason))
    return None


def _after(fault: Fault | None, answer: Answer) -> Answer:
    """The answer of a failure that comes once the request was processed."""
    if fault is None:
        return answer
    if fault.kind == "lost_answer":
        return Answer(0, None)
    if fault.kind == "timeout":
        time.sleep(fault.seconds)
    if fault.kind == "malformed":
        return Answer(answer.status, b'{"success": tru')
    if fault.kind == "error_after":
        return Answer(fault.status or 502, b"", "text/html")
    return answer
