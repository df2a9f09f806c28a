"""Sign as the current user."""

import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Final

from saigon.model.interface import HttpRequest
from saigon.rest._calls.answers import Answer
from saigon.rest._calls.rejections import is_signature_rejection
from saigon.rest._calls.retry import http_date
from saigon.rest._users.identity import UserIdentity
from saigon.rest._users.registry import LoggedInUsers
from saigon.rest.sigv4 import AwsCredentials, SigV4Auth

# What is further ahead of us, and was not taken over as the time, is no clock's.
_SKEW: Final = timedelta(minutes=2)
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
        # It is known here when they do.
        self._credentials_may_block = False

    def now(self) -> datetime:
        """Return the present time by the server's clock, where that is known to differ."""
        return self._signer.now()

    def one_caller(self) -> AbstractContextManager[UserIdentity]:
        """Stay with the present user, whatever another thread switches to."""
        return self._users.hold()()

    def may_block(self, request: HttpRequest) -> bool:
        """Tell whether signing may wait: for new credentials that are due, or for a file."""
        user = self._users.current_or_none()
        return (user is not None and user.is_due()) or super().may_block(request)

    def recover(self, answer: Answer) -> bool:
        """Look whether newer credentials, or the server's clock, explain a refusal.

        Credentials that are within their margin are refreshed, by our clock or by the server's.

        Raises:
            NotLoggedInError: They are due, and the user has to log in again.
            CognitoError: They have expired, or Cognito refuses new ones.
        """
        if not is_signature_rejection(answer):
            return False
        if super().recover(answer):
            # Signing anew asks for credentials that are fresh by that clock.
            return True
        present = self._users.current().credentials(self._server_time(answer))
        used = _KEY_ID.search(answer.sent_headers.get("Authorization", ""))
        return used is not None and used[1] != present.access_key_id

    def _server_time(self, answer: Answer) -> datetime | None:
        told = http_date(answer.headers.get("Date", ""))
        return told if told is not None and told - self.now() <= _SKEW else None
