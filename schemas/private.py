"""The private part of an event: free text, titles and addresses, which can be erased while the fact stays.

A field is private when its model marks it with `PRIVATE`. Private fields are not in the fact: they are the value of a
record on `facts-private` with the fact's key, and the fact contains a salted digest of them. The private part has the
shape of the event's `data` with private fields only: a list of objects keeps its length, an object without private
fields becomes `{}`.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from typing import Annotated, Any, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, ValidatorFunctionWrapHandler, WrapValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

Json: TypeAlias = dict[str, Any]
Tree: TypeAlias = "Mapping[str, Tree | None]"
"""Fields of a model that are private (None) or hold objects with private fields."""

STORED: dict[str, Any] = {"stored": True}
"""Validation context for events read back from the facts log, which lack the private fields."""


class _Private:
    """Marks a field as private."""


PRIVATE = _Private()


def _when_sent(value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    if value is not None:
        return validate(value)
    if info.context is STORED:
        return None
    raise PydanticCustomError("missing", "Field required")


def _required(schema: Json) -> None:
    schema.pop("default", None)


REQUIRED: Any = Field(default=None, validate_default=True, json_schema_extra=_required)
"""The default of a private field that senders must give: it is absent only in facts that are read back."""

WHEN_SENT = WrapValidator(_when_sent)


def required_in_schema(*names: str) -> Any:
    """`json_schema_extra` of a model whose private fields in `names` must be sent."""

    def extra(schema: Json) -> None:
        wanted = {*schema.get("required", ()), *names}
        schema["required"] = [name for name in schema["properties"] if name in wanted]

    return extra


@cache
def private_fields(model: type[BaseModel]) -> Tree:
    """The private fields of a model and of the models in its fields; empty where there are none."""
    found: dict[str, Tree | None] = {}
    for name, field in model.model_fields.items():
        if PRIVATE in field.metadata:
            found[name] = None
        elif (inner := _model_in(field)) is not None and (below := private_fields(inner)):
            found[name] = below
    return found


def _model_in(field: FieldInfo) -> type[BaseModel] | None:
    left = [field.annotation]
    while left:
        each = left.pop()
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each
        left.extend(get_args(each))
    return None


def take_private(data: Json, tree: Tree) -> Json:
    """Take the private fields out of `data`, and return them."""
    taken: Json = {}
    for name, below in tree.items():
        if name not in data:
            continue
        if below is None:
            taken[name] = data.pop(name)
        elif isinstance(data[name], list):
            parts = [take_private(each, below) for each in data[name]]
            if any(parts):
                taken[name] = parts
        elif part := take_private(data[name], below):
            taken[name] = part
    return taken


def put_private(data: Json, private: Json) -> Json:
    """The `data` of a fact merged with its private part. Raises ValueError where they do not fit together."""
    whole = dict(data)
    for name, part in private.items():
        public = whole.get(name)
        if isinstance(public, dict) and isinstance(part, dict):
            whole[name] = put_private(public, part)
        elif isinstance(public, list):
            whole[name] = [put_private(each, inner) for each, inner in zip(public, part, strict=True)]
        else:
            whole[name] = part
    return whole


def private_digest(salt: bytes, private: bytes) -> str:
    """The digest of a private part in its fact: SHA-256 over salt and canonical JSON, as hex."""
    return sha256(salt + private).hexdigest()


def private_value(salt: bytes, private: bytes) -> bytes:
    """The value of a record on `facts-private`."""
    return b'{"data":' + private + b',"salt":"' + salt.hex().encode() + b'"}'


class PrivateRecord(BaseModel):
    """The value of a record on `facts-private`: the private fields of the fact with the same key (schemas/private.py).

    The SHA-256 over the salt (32 bytes) and the canonical JSON of `data` is the fact's `private`. No value: erased.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    data: Json
    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def read_private(value: bytes) -> PrivateRecord:
    """The private part in a record's value. Raises ValidationError."""
    return PrivateRecord.model_validate_json(value)
