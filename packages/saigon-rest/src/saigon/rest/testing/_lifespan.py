"""Remember what an app fails with while it starts or ends; a server only logs it."""

from saigon.rest.gateway._asgi import App, Message, Receive, Scope, Send


class WatchedApp:
    """The app itself, but for what is remembered.

    Args:
        app: The app.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self.failure: BaseException | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve what comes."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        told: list[str] = []

        async def send_and_remember(message: Message) -> None:
            if message["type"].endswith(".failed"):
                told.append(message.get("message", ""))
            await send(message)

        try:
            await self._app(scope, receive, send_and_remember)
        except BaseException as error:
            # An app that knows no lifespan fails too, and tells nobody of a failure.
            self.failure = error if told else None
            raise
        if told:
            self.failure = RuntimeError(f"the app failed to start or to end: {told[0]}")
