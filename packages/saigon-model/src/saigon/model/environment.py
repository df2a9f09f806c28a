"""Configuration from environment variables."""

from typing import ClassVar

from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Environment"]


class Environment(BaseSettings):
    """A service's configuration, read from the environment when it is made.

    Derive from it and declare fields; each is read from the variable of its name, in upper or
    lower case. ``model_config = SettingsConfigDict(env_prefix="ORDERS_")`` adds a prefix. An
    empty variable counts as one that is not set. The text of an error names the variables and
    never their values.
    """

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )
