from ssl import SSLContext

from aiokafka.client import SaslMechanism, SecurityProtocol

class AIOKafkaConnection:
    def close(self) -> object: ...

async def create_conn(
    host: str,
    port: int,
    *,
    client_id: str = "aiokafka",
    request_timeout_ms: int = 40000,
    ssl_context: SSLContext | None = None,
    security_protocol: SecurityProtocol = "PLAINTEXT",
    sasl_mechanism: SaslMechanism | None = None,
    sasl_plain_username: str | None = None,
    sasl_plain_password: str | None = None,
) -> AIOKafkaConnection: ...
