"""What takes a worker most of its start, done once in the process that they are forked from."""

from typing import Final

from boto3.session import Session
from botocore.config import Config
from sqlalchemy import create_engine

__all__ = ["SESSION", "client_config"]

SESSION: Final = Session(
    aws_access_key_id="local",
    aws_secret_access_key="local",  # noqa: S106  # a word that opens nothing
    region_name="us-east-1",
)


def client_config() -> Config:
    """Return the configuration of a worker's client."""
    return Config(read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


SESSION.client("sqs", endpoint_url="http://127.0.0.1")  # reads the description of SQS
for _url in ("postgresql+psycopg://", "mysql+pymysql://"):
    create_engine(_url)  # imports the driver
