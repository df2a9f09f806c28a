import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from saigon.model import Environment


class OrdersEnvironment(Environment):
    model_config = SettingsConfigDict(env_prefix="ORDERS_")

    queue_url: str
    token: SecretStr = SecretStr("")
    batch: int = 10
    tags: tuple[str, ...] = ()


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


@pytest.mark.parametrize("tags", ['["a-secret-by-mistake', '{"a": "a-secret-by-mistake"}'])
def test_an_error_of_json_does_not_name_the_value(
    monkeypatch: pytest.MonkeyPatch, tags: str
) -> None:
    monkeypatch.setenv("ORDERS_QUEUE_URL", "q")
    monkeypatch.setenv("ORDERS_TAGS", tags)
    with pytest.raises(ValueError, match="tags") as caught:
        OrdersEnvironment()
    assert "a-secret-by-mistake" not in "".join(traceback.format_exception(caught.value))


def test_a_variable_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORDERS_QUEUE_URL", raising=False)
    with pytest.raises(ValidationError, match="queue_url"):
        OrdersEnvironment()


def test_the_environment_is_read_when_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_QUEUE_URL", "one")
    one = OrdersEnvironment()
    monkeypatch.setenv("ORDERS_QUEUE_URL", "two")
    assert (one.queue_url, OrdersEnvironment().queue_url) == ("one", "two")
    with pytest.raises(ValidationError, match="frozen"):
        one.queue_url = "three"  # type: ignore[misc]  # the fault under test


def test_a_file_of_variables_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ORDERS_BATCH=99\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORDERS_QUEUE_URL", "q")
    monkeypatch.setenv("ORDERS_UNKNOWN", "left alone")
    assert OrdersEnvironment().batch == 10
