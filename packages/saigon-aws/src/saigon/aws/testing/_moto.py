"""moto's server in a process of its own, which ends with the process that started it.

moto asks botocore's default session for the regions, and that one reads the user's profile and
variables; in a process of its own it finds none of them, and does not share the interpreter.
"""

import json
import logging
import os
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

_PROGRAM: Final = f"import sys; sys.path += {{path}}; from {__name__} import serve; serve()"
_STOP_SECONDS: Final = 10


class MotoServer:
    """A server on 127.0.0.1, at a free port."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self._process = process
        self.endpoint_url: str = f"http://127.0.0.1:{port}"

    @classmethod
    def start(cls) -> "MotoServer":
        """Start the process and wait until it serves.

        Raises:
            RuntimeError: It ended instead; what it said stands on the standard error stream.
        """
        process = subprocess.Popen(  # noqa: S603  # this interpreter, and nothing from outside
            # -P and the end of the path: no module of the user's may stand in for a library's.
            [sys.executable, "-P", "-c", _PROGRAM.format(path=[str(each) for each in sys.path])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_environment(),
            start_new_session=True,  # Ctrl-C is for the parent, which then ends this one in order
        )
        server = cls(process, 0)
        try:
            port = int(process.stdout.readline() or 0) if process.stdout else 0
        except BaseException:
            server.stop()
            raise
        if not port:
            server.stop()
            raise RuntimeError("moto's server did not start")
        server.endpoint_url = f"http://127.0.0.1:{port}"
        return server

    def stop(self) -> None:
        """End the process; it ends by itself where the parent was killed."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "MOTO_")) and name not in {"BOTO_CONFIG", "PYTHONWARNINGS"}
    }
    return kept | {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        # The codes of authenticator apps are checked, and not any six digits accepted.
        "MOTO_COGNITO_IDP_USER_POOL_ENABLE_TOTP": "true",
    }


def serve() -> None:
    """Serve until the standard input ends; the port stands on the first line of the output."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # not a line for every request
    _hasten_queues()
    _hasten_user_pools()
    _accept_neighbouring_codes()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    with suppress(BrokenPipeError):  # the parent is gone already
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
    sys.stdin.read()  # returns when the parent closes it, or is gone
    os._exit(0)  # nothing is kept, and an end in order takes the better part of a second


def _accept_neighbouring_codes() -> None:
    """Accept the codes of an authenticator app that are half a minute off, as Cognito does."""
    from cryptography.hazmat.primitives.twofactor import InvalidToken
    from moto.cognitoidp import models

    make: Any = models.__dict__["cognito_totp"]

    class Totp:
        def __init__(self, key: str) -> None:
            self._totp = make(key)

        def verify(self, code: bytes, moment: int) -> None:
            if code not in {self._totp.generate(moment + seconds) for seconds in (-30, 0, 30)}:
                raise InvalidToken

    models.__dict__["cognito_totp"] = Totp


def _hasten_user_pools() -> None:
    """Let moto import its one signing key once: the check takes a tenth of a second per pool."""
    from moto.cognitoidp import models

    real: Any = models.__dict__["jwk"].RSAKey
    imported = cache(lambda text: real.import_key(json.loads(text)))
    keys = SimpleNamespace(import_key=lambda key: imported(json.dumps(key)))
    models.__dict__["jwk"] = SimpleNamespace(RSAKey=keys)


def _hasten_queues() -> None:
    """Give moto's queues a quicker clock: they read it some hundred times per message.

    With 1,000 messages waiting, a receive takes a tenth of the time. moto's own clock can be
    frozen by a test; here, in a process of its own, nobody can.
    """
    from moto.sqs import models

    models.__dict__["unix_time_millis"] = lambda: time.time() * 1000
