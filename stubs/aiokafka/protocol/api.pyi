from abc import ABC, abstractmethod
from io import BytesIO
from typing import ClassVar, Generic, TypeVar

from aiokafka.protocol.struct import Struct

class ResponseHeader_v0(Struct): ...
class ResponseHeader_v1(Struct): ...

T = TypeVar("T", bound=RequestStruct)

class Request(ABC, Generic[T]):
    API_KEY: ClassVar[int]
    ALLOW_UNKNOWN_API_VERSION: ClassVar[bool]

    @abstractmethod
    def build(self, request_struct_class: type[T]) -> T: ...

class RequestStruct(Struct):
    FLEXIBLE_VERSION: ClassVar[bool]
    API_KEY: ClassVar[int]
    API_VERSION: ClassVar[int]
    RESPONSE_TYPE: ClassVar[type[Response]]

    def parse_response_header(self, read_buffer: BytesIO | bytes) -> ResponseHeader_v0 | ResponseHeader_v1: ...

class Response(Struct):
    """In aiokafka its key and version are abstract properties, which each response overrides with a number."""

    API_KEY: ClassVar[int]
    API_VERSION: ClassVar[int]
