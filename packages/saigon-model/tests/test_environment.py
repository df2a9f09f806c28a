import subprocess
import sys

import pytest
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

import saigon.model
from saigon.model import Environment


class OrdersEnvironment(Environment):
    model_config = SettingsConfigDict(env_prefix="ORDERS_")

    queue_url: str
    token: SecretStr = SecretStr("")
    batch: int = 10


def test_fields_are_read_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_QUEUE_URL", "http://127.0.0.1/q")
    monkeypatch.setenv("orders_batch", "5")
    monkeypatch.setenv("ORDERS_TOKEN", "hidden")
    environment = OrdersEnvironment()
    assert (environment.queue_url, environment.batch) == ("http://127.0.0.1/q", 5)
    assert "hidden" not in repr(environment)


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_QUEUE_URL", "q")
    monkeypatch.setenv("ORDERS_BATCH", "")
    assert OrdersEnvironment().batch == 10


def test_an_error_names_the_variable_and_not_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_QUEUE_URL", "q")
    monkeypatch.setenv("ORDERS_BATCH", "a-secret-by-mistake")
    with pytest.raises(ValidationError) as caught:
        OrdersEnvironment()
    assert "batch" in str(caught.value)
    assert "a-secret-by-mistake" not in str(caught.value)


def test_importing_the_models_does_not_load_the_reader_of_settings() -> None:
    code = "import sys, saigon.model; sys.exit('pydantic_settings' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert saigon.model.Environment is Environment
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = saigon.model.no_such_name
