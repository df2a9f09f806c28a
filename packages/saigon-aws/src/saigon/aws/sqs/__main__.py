"""``python -m saigon.aws.sqs``: the worker as a command."""

from saigon.aws.sqs._cli import main

if __name__ == "__main__":
    raise SystemExit(main())
