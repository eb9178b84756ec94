class RecordMetadata:
    topic: str
    partition: int
    offset: int

class FutureRecordMetadata:
    def get(self, timeout: float | None = None) -> RecordMetadata: ...
