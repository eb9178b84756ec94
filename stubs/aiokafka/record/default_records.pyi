from collections.abc import Iterator

from aiokafka.structs import ConsumerRecord

class _DefaultRecordBatchPy:
    _buffer: bytearray

    def __init__(self, buffer: bytes | bytearray | memoryview) -> None: ...
    def __iter__(self) -> Iterator[ConsumerRecord]: ...
    def _maybe_uncompress(self) -> None: ...

class DefaultRecordBatchBuilder:
    """In C where aiokafka was built with it."""

    def __init__(
        self,
        magic: int,
        compression_type: int,
        is_transactional: int,
        producer_id: int,
        producer_epoch: int,
        base_sequence: int,
        batch_size: int,
    ) -> None: ...
    def append(
        self,
        offset: int,
        timestamp: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes | None]],
    ) -> object | None: ...
    def build(self) -> bytearray: ...

class _DefaultRecordBatchBuilderPy(DefaultRecordBatchBuilder): ...
