"""The HTTP server in front of the local queues."""

import json
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from saigon.aws.sqs._testing.errors import RefusedError, UnansweredError

__all__ = ["QueueServer"]

Answerer = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


class QueueServer(ThreadingHTTPServer):
    """Serves the JSON protocol on 127.0.0.1, at a free port; connections stay open."""

    daemon_threads = True
    request_queue_size: int = 128  # many workers may start at one moment

    def __init__(self, answer: Answerer) -> None:
        super().__init__(("127.0.0.1", 0), _handler(answer, self))
        self.closing: Final = threading.Event()
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Answer nothing any more, and let go of the requests that hang."""
        self.closing.set()
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that have gone away, as killed ones do."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _handler(answer: Answerer, server: QueueServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet per answer, which no delayed acknowledgement holds up
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            content = self.rfile.read(length)
            if len(content) < length:
                self.close_connection = True  # the client was killed
                return
            request = json.loads(content)
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            try:
                self._reply(200, answer(operation, request))
            except RefusedError as error:
                self._refuse(error)
            except UnansweredError as error:
                self.close_connection = True
                if error.hangs:
                    server.closing.wait()

        def _refuse(self, error: RefusedError) -> None:
            value = {"__type": f"com.amazonaws.sqs#{error.shape}", "message": error.code}
            self._reply(error.status, value, {"x-amzn-query-error": f"{error.code};{error.fault}"})

        def _reply(
            self, status: int, value: Mapping[str, Any], headers: Mapping[str, str] | None = None
        ) -> None:
            content = json.dumps(value).encode()
            self.send_response(status)
            for name, text in (headers or {}).items():
                self.send_header(name, text)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base's names
            """Keep quiet."""

    return Handler
