"""The stage that a path begins with.

See Also:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-stages.html
"""

import re
from typing import Final

from saigon.rest.exceptions import ConfigurationError
from saigon.rest.gateway._answers.refusal import RefusedError
from saigon.rest.gateway._answers.standard import OTHER_STAGE

DEFAULT_STAGE: Final = "$default"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


def stage_prefix(stage: str | None) -> str:
    """Return what the paths of a stage begin with; nothing for the default stage."""
    if stage in {None, DEFAULT_STAGE}:
        return ""
    if not _NAME.fullmatch(str(stage)):
        raise ConfigurationError(
            f"expected a stage of letters, digits, '-' and '_', or '{DEFAULT_STAGE}'; got {stage!r}"
        )
    return f"/{stage}"


def below_stage(path: str, prefix: str) -> str:
    """Return the path without its stage."""
    if not prefix or path == prefix:
        return path[len(prefix) :] or "/"
    if not path.startswith(f"{prefix}/"):
        raise RefusedError(OTHER_STAGE)
    return path[len(prefix) :]
