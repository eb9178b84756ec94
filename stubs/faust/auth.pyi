from ssl import SSLContext

class Credentials: ...

class SASLCredentials(Credentials):
    def __init__(
        self,
        *,
        username: str | None = None,
        password: str | None = None,
        ssl_context: SSLContext | None = None,
        mechanism: str | None = None,
    ) -> None: ...

class SSLCredentials(Credentials):
    def __init__(self, context: SSLContext | None = None) -> None: ...
