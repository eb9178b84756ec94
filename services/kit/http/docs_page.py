"""The documentation of an API as one plain page made from its OpenAPI document, without external resources."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from services.kit.auth.public import PUBLIC

STYLE = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
article{border-top:1px solid #8886;padding:.5rem 0}h3{font-family:ui-monospace,monospace;font-size:1rem;margin:.5rem 0}
pre{overflow-x:auto;background:#8881;padding:.5rem;font-size:.85rem}table{border-collapse:collapse;font-size:.9rem}
td,th{text-align:left;vertical-align:top;padding:.15rem .75rem .15rem 0}code{font-family:ui-monospace,monospace}
"""
METHODS = ("get", "post", "put", "patch", "delete")


def add_docs(app: FastAPI, path: str) -> None:
    """Serve the page at `path`."""

    @cache
    def written() -> str:
        return page([(app.openapi(), app.openapi_url or "")])

    @app.get(path, include_in_schema=False, dependencies=[PUBLIC])
    def docs() -> HTMLResponse:
        return HTMLResponse(written())


async def prepare_docs(app: FastAPI) -> None:
    """Make the OpenAPI document at the start: it takes long, and a request would make it in the event loop."""
    await asyncio.to_thread(app.openapi)


def page(documents: Iterable[tuple[Mapping[str, Any], str]]) -> str:
    """The page for some OpenAPI documents, each with its URL."""
    body = "".join(part for document, url in documents for part in _api(document, url))
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Pantau API</title>'
    return f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>'


def _api(document: Mapping[str, Any], url: str) -> Iterator[str]:
    info = document["info"]
    yield f"<h1>{escape(info['title'])}</h1><p>{escape(info.get('summary') or info.get('description') or '')}</p>"
    yield f'<p><a href="{escape(url)}">OpenAPI document</a></p>'
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                yield from _operation(method, path, operations[method])


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<article><h3>{method.upper()} {escape(path)}</h3>"
    yield "".join(f"<p>{escape(part)}</p>" for part in operation.get("description", "").split("\n\n") if part)
    parameters = operation.get("parameters", ())
    if parameters:
        yield "<table><tr><th>parameter</th><th>in</th><th>what</th></tr>"
        for each in parameters:
            required = " (required)" if each.get("required") else ""
            yield f"<tr><td><code>{escape(each['name'])}</code>{required}</td><td>{each['in']}</td>"
            yield f"<td>{escape(each.get('description', ''))}</td></tr>"
        yield "</table>"
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield from _example(f"Request, {media_type}", content)
    for status, response in operation.get("responses", {}).items():
        yield f"<p><b>{escape(str(status))}</b> {escape(response.get('description', ''))}</p>"
        for media_type, content in response.get("content", {}).items():
            yield from _example(media_type, content)
    yield "</article>"


def _example(title: str, content: Mapping[str, Any]) -> Iterator[str]:
    examples = [content["example"]] if "example" in content else []
    examples += [named.get("value") for named in content.get("examples", {}).values()]
    for example in examples:
        text = example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
        yield f"<p>{escape(title)}</p><pre>{escape(text)}</pre>"
