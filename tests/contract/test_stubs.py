"""What the stubs in stubs/ declare exists in the libraries: every module, class, function, method, attribute and parameter.

The stubs say only what is called here, so a library may have more, and its defaults and types are not compared. A call
that the stubs allow is one that the library takes.
"""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from importlib.metadata import packages_distributions, version
from inspect import Parameter
from pathlib import Path
from types import WrapperDescriptorType
from typing import Any

import pytest
from faust.types.settings import Settings as FaustSettings

STUBS = Path(__file__).parents[2] / "stubs"
BY_NAME = {Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
# What only types have: a protocol of ours, aliases, and the attributes of a schema's fields.
OF_STUBS_ALONE = {"Batch", "SaslMechanism", "SecurityProtocol", "T", "ValueT", "__getattr__"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def module_of(stub: Path) -> str:
    return ".".join(stub.relative_to(STUBS).with_suffix("").parts).removesuffix(".__init__")


def library(module: str) -> str:
    """The distribution of a module, and its version here."""
    (distribution, *_) = packages_distributions()[module.partition(".")[0]]
    return f"{distribution} {version(distribution)}"


def differences(stub: str, module: str) -> Iterator[str]:
    """Where a stub of a module says what the library does not have."""
    yield from _of_scope(ast.parse(stub).body, importlib.import_module(module), module)


def _of_scope(body: list[ast.stmt], owner: Any, where: str) -> Iterator[str]:
    for each in body:
        match each:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                pass
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                pass
            case _:
                continue
        if name in OF_STUBS_ALONE:
            continue
        if not _has(owner, name):
            yield f"{where}.{name} is not there"
        elif isinstance(each, ast.ClassDef):
            yield from _of_scope(each.body, getattr(owner, name), f"{where}.{name}")
        elif isinstance(each, Function):
            yield from _of_function(each, owner, f"{where}.{name}")


def _has(owner: Any, name: str) -> bool:
    """Whether a module or class has an attribute; of a class also one that is annotated, or that its methods assign."""
    if hasattr(owner, name):
        return True
    if not isinstance(owner, type):
        return False
    for cls in owner.__mro__:
        if name in inspect.get_annotations(cls):
            return True
        if cls.__module__ != "builtins" and re.search(rf"\bself\.{name}\b[^=\n]* = ", _source(cls)):
            return True
    return False


def _source(cls: type) -> str:
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError):  # of C
        return ""


def _of_function(stub: Function, owner: Any, where: str) -> Iterator[str]:
    if any(isinstance(each, ast.Name) and each.id == "property" for each in stub.decorator_list):
        if callable(inspect.getattr_static(owner, stub.name)):
            yield f"{where} is no attribute but a method"
        return
    theirs = _signature(owner, stub.name)
    if theirs is None:
        return
    named = {each.name for each in theirs.values() if each.kind in BY_NAME} | _options(owner, stub.name, theirs)
    ours = [each.arg for each in (*stub.args.posonlyargs, *stub.args.args)]
    first = [each.name for each in theirs.values() if each.kind is Parameter.POSITIONAL_OR_KEYWORD]
    takes_more = any(each.kind is Parameter.VAR_POSITIONAL for each in theirs.values())
    if ours != first[: len(ours)] and not (
        takes_more and ours[: len(first)] == first and set(ours) <= named | {"self"}
    ):
        yield f"{where} takes {first} in this order, and not {ours}"
    for each in stub.args.kwonlyargs:
        if each.arg not in named:
            yield f"{where} has no parameter {each.arg}"
    if stub.args.vararg and not takes_more:
        yield f"{where} does not take any number of positional arguments"
    said = {*ours, *(each.arg for each in stub.args.kwonlyargs)}
    for one in theirs.values():
        if one.default is Parameter.empty and one.kind in BY_NAME and one.name not in said:
            yield f"{where} needs {one.name}"
    if _is_async(stub, owner) is False:
        yield f"{where} is no coroutine" if isinstance(stub, ast.AsyncFunctionDef) else f"{where} is a coroutine"


def _signature(owner: Any, name: str) -> dict[str, Parameter] | None:
    """The parameters of a function, or None of a class in C that does not say them."""
    raw = inspect.getattr_static(owner, name)
    function = raw.__func__ if isinstance(raw, classmethod | staticmethod) else raw
    if isinstance(function, WrapperDescriptorType):
        return None
    try:
        return dict(inspect.signature(function).parameters)
    except ValueError:
        return None


def _options(owner: Any, name: str, theirs: dict[str, Parameter]) -> set[str]:
    """What a function with **kwargs takes by name: what the same method of a base class or a private one of the same name does,
    and for constructors the options of kafka-python's clients and of Faust's apps."""
    if not isinstance(owner, type) or not any(each.kind is Parameter.VAR_KEYWORD for each in theirs.values()):
        return set()
    named = set(getattr(owner, "DEFAULT_CONFIG", ())) if name == "__init__" else set()
    if name == "__init__" and owner.__module__.startswith("faust.app"):
        named |= set(FaustSettings.SETTINGS)
    for cls in owner.__mro__:
        for one in (name, f"_{name}"):
            if one in vars(cls) and callable(vars(cls)[one]):
                named |= set(_signature(cls, one) or ())
    return named


def _is_async(stub: Function, owner: Any) -> bool | None:
    """Whether stub and library agree that a function is a coroutine; None where that is unknown."""
    raw = inspect.getattr_static(owner, stub.name)
    function = inspect.unwrap(raw.__func__ if isinstance(raw, classmethod | staticmethod) else raw)
    if not inspect.isfunction(function):
        return None
    return inspect.iscoroutinefunction(function) == isinstance(stub, ast.AsyncFunctionDef)


@pytest.mark.parametrize("stub", sorted(STUBS.rglob("*.pyi")), ids=module_of)
def test_the_library_has_what_its_stub_declares(stub: Path) -> None:
    module = module_of(stub)
    found = list(differences(stub.read_text("utf-8"), module))
    assert not found, f"{library(module)} and {stub.relative_to(STUBS.parent)} differ:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("stub", "difference"),
    [
        ("class NoSuchConsumer: ...", "aiokafka.NoSuchConsumer is not there"),
        ("class AIOKafkaConsumer:\n    _no_such: int", "aiokafka.AIOKafkaConsumer._no_such is not there"),
        ("class AIOKafkaConsumer:\n    def pause_all(self) -> None: ...", "aiokafka.AIOKafkaConsumer.pause_all is not there"),
        ("class AIOKafkaConsumer:\n    async def stop(self, *, within: int) -> None: ...",
         "aiokafka.AIOKafkaConsumer.stop has no parameter within"),
        ("class AIOKafkaConsumer:\n    def stop(self) -> None: ...", "aiokafka.AIOKafkaConsumer.stop is a coroutine"),
        ("class AIOKafkaConsumer:\n    def seek(self, offset: int, partition: int) -> None: ...",
         "aiokafka.AIOKafkaConsumer.seek takes ['self', 'partition', 'offset'] in this order, "
         "and not ['self', 'offset', 'partition']"),
        ("class AIOKafkaConsumer:\n    def seek(self) -> None: ...", "aiokafka.AIOKafkaConsumer.seek needs partition"),
    ],
)  # fmt: skip
def test_a_stub_that_declares_too_much_is_found(stub: str, difference: str) -> None:
    assert difference in list(differences(stub, "aiokafka"))
