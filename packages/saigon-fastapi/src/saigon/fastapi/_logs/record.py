"""Where log records get their context."""

import logging
from typing import Any

from saigon.fastapi._logs.fields import CONTEXT_ATTRIBUTE
from saigon.fastapi._logs.scope import FIELDS
from saigon.fastapi._logs.spans import span_fields


class ContextRecordFactory:
    """Stamps the context on records as they are made: a handler may format in another thread."""

    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._make(*args, **kwargs)
        fields, span = FIELDS.get(), span_fields()
        setattr(record, CONTEXT_ATTRIBUTE, {**fields, **span} if span else fields)
        return record

    @classmethod
    def install(cls) -> None:
        """Make it the factory of all records, once."""
        make = logging.getLogRecordFactory()
        if not isinstance(make, cls):
            logging.setLogRecordFactory(cls(make))
