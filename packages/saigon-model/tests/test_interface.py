from dataclasses import FrozenInstanceError
from typing import TypeVar

import pytest
from pydantic import BaseModel, SecretStr

from saigon.model.interface import (
    CredentialsProvider,
    DbLogin,
    HttpRequest,
    RequestAuthorizer,
    SecretVault,
)

ModelT = TypeVar("ModelT", bound=BaseModel)


class Everything:
    def get_secret(self, model_type: type[ModelT], secret_name: str) -> ModelT:
        return model_type.model_validate({"name": secret_name})

    def get_credentials(self, *, refresh: bool = False) -> DbLogin:
        return DbLogin("app", SecretStr("fresh" if refresh else "cached"))

    def authorize(self, request: HttpRequest) -> HttpRequest:
        return HttpRequest(request.method, request.url, {"Authorization": "Bearer x"})


def test_a_protocol_is_met_by_its_methods_alone() -> None:
    vault: SecretVault = Everything()
    provider: CredentialsProvider = Everything()
    authorizer: RequestAuthorizer = Everything()
    assert isinstance(vault, SecretVault)
    assert provider.get_credentials(refresh=True).password.get_secret_value() == "fresh"
    assert authorizer.authorize(HttpRequest("GET", "https://example.com")).headers


def test_no_secret_stands_in_a_repr() -> None:
    request = HttpRequest("GET", "https://example.com", {"Authorization": "hidden"}, b"hidden")
    assert "hidden" not in repr(request)
    assert "hidden" not in repr(DbLogin("app", SecretStr("hidden")))


def test_a_protocol_is_not_met_by_less() -> None:
    for protocol in (SecretVault, CredentialsProvider, RequestAuthorizer):
        assert isinstance(Everything(), protocol)
        assert not isinstance(object(), protocol)


def test_a_login_and_a_request_are_values() -> None:
    login, request = DbLogin("app", SecretStr("hidden")), HttpRequest("GET", "https://example.com")
    assert login == DbLogin("app", SecretStr("hidden"))
    assert login != DbLogin("app", SecretStr("hidden"), requires_tls=True)
    assert not login.requires_tls
    assert request.headers == {}
    assert request.headers is not HttpRequest("GET", "/").headers
    with pytest.raises(FrozenInstanceError):
        login.username = "root"  # type: ignore[misc]  # the fault under test
    with pytest.raises(FrozenInstanceError):
        request.url = "https://example.org"  # type: ignore[misc]  # likewise
