"""Sign as the current user."""

import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final

from saigon.rest._calls.answers import Answer
from saigon.rest._calls.rejections import is_signature_rejection
from saigon.rest._users.registry import LoggedInUsers, UserIdentity
from saigon.rest.sigv4 import AwsCredentials, SigV4Auth

_KEY_ID: Final = re.compile(r"Credential=([^/]+)/")


class UserAuth(SigV4Auth):
    """Sign each request with the credentials of the user that the call is made as."""

    def __init__(
        self,
        users: LoggedInUsers,
        host: str,
        *,
        region: str | None,
        service: str | None,
        extra_signed_headers: Iterable[str],
        clock: Callable[[], datetime],
    ) -> None:
        self._users = users

        def credentials() -> AwsCredentials:
            return users.current().credentials()

        super().__init__(
            aws_host=host,
            aws_region=region,
            aws_service=service,
            credentials=credentials,
            extra_signed_headers=extra_signed_headers,
            clock=clock,
        )

    def one_caller(self) -> AbstractContextManager[UserIdentity]:
        """Stay with the present user, whatever another thread switches to."""
        return self._users.acting_as(self._users.current().identity.username)

    def recover(self, answer: Answer) -> bool:
        """Look whether newer credentials, or the server's clock, explain a refusal."""
        if not is_signature_rejection(answer):
            return False
        used = _KEY_ID.search(answer.authorization)
        refreshed = used is not None and used[1] != self.aws_access_key
        return refreshed or super().recover(answer)
