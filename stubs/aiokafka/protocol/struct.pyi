from io import BytesIO
from typing import Any, ClassVar, Self

from aiokafka.protocol.types import Schema

class Struct:
    """Its attributes are the fields of its schema."""

    SCHEMA: ClassVar[Schema]

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def __getattr__(self, name: str) -> Any: ...
    def encode(self) -> bytes: ...
    @classmethod
    def decode(cls, data: BytesIO | bytes) -> Self: ...
