"""The middleware as ``create_app`` puts it in."""

from typing import ClassVar

from saigon.fastapi.middleware import LogMiddleware


class OuterLogMiddleware(LogMiddleware):
    """Leaves the answer to a request that is refused to ``OwnAnswers`` further in."""

    _answers_within: ClassVar[bool] = True
