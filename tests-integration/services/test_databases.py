from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.pool import NullPool

from tools.services import Found
from tools.services.postgresql import embedded_postgresql


def test_each_test_gets_an_empty_database_that_it_may_write_to(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    assert inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE orders (id INTEGER PRIMARY KEY)"))
        connection.execute(text("INSERT INTO orders (id) VALUES (42)"))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT id FROM orders")) == 42


def test_database_urls_name_their_driver(database_url: str) -> None:
    drivers = {"postgresql+psycopg", "mysql+pymysql", "sqlite+pysqlite"}
    assert make_url(database_url).drivername in drivers


def test_embedded_server_answers_where_a_real_one_is_there_too() -> None:
    with embedded_postgresql() as service:
        assert isinstance(service, Found), service
        with create_engine(service.url, poolclass=NullPool).connect() as connection:
            assert connection.scalar(text("SHOW listen_addresses")) == ""
