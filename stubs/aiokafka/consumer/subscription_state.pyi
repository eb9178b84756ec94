from aiokafka.structs import TopicPartition

class TopicPartitionState:
    lso: int | None

    @property
    def has_valid_position(self) -> bool: ...
    @property
    def position(self) -> int: ...

class Assignment:
    def state_value(self, tp: TopicPartition) -> TopicPartitionState | None: ...

class Subscription:
    @property
    def assignment(self) -> Assignment | None: ...

class SubscriptionState:
    @property
    def subscription(self) -> Subscription: ...
