"""Completes FastAPI's OpenAPI document: with the contract's models, the need for a key, and the responses of the frame.

A route declares its own responses; here the responses of its dependencies and of the middleware are added.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel

from services.kit.auth.dependencies import permission_of
from services.kit.auth.policy import is_public
from services.kit.http.problems import MEDIA_TYPE, ProblemDetails, answers

REFERENCE = "#/components/schemas/{model}"
BEARER = {"type": "http", "scheme": "bearer", "description": "A key: `Authorization: Bearer pantau_...`"}
EVERYWHERE = (413, 415, 503)  # a body that is too large or not in gzip; tables or broker away

Json = dict[str, Any]


def schema_of(model: type[BaseModel]) -> Json:
    """A reference to a model that `describe` puts into the document."""
    return {"$ref": REFERENCE.format(model=model.__name__)}


def describe(app: FastAPI, *models: type[BaseModel]) -> None:
    """Complete the document of an app, whose routes may refer to `models`. After its routes."""
    made = app.openapi

    def openapi() -> Json:
        if app.openapi_schema is not None:
            return app.openapi_schema
        document = made()
        _complete(app, document, models)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _complete(app: FastAPI, document: Json, models: tuple[type[BaseModel], ...]) -> None:
    components = document.setdefault("components", {})
    components["securitySchemes"] = {"bearer": BEARER}
    schemas = components.setdefault("schemas", {})
    described: tuple[type[BaseModel], ...] = (ProblemDetails, *models)
    for model in described:
        schema = model.model_json_schema(ref_template=REFERENCE)
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, which no route returns
        schemas.pop(unused, None)
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                _complete_operation(document["paths"][route.path_format][method.lower()], route)


def _complete_operation(operation: Json, route: APIRoute) -> None:
    permission = permission_of(route)
    statuses = {*EVERYWHERE}
    if permission is not None:
        operation["security"] = [{}, {"bearer": []}] if is_public(permission) else [{"bearer": []}]
        statuses.add(401)
        if not is_public(permission):
            statuses.add(403)
    if "requestBody" in operation:
        statuses.add(408)
    if operation.get("parameters") or "requestBody" in operation:
        statuses.add(422)
    responses = operation["responses"]
    for status, problem in answers(*statuses).items():
        responses.setdefault(str(status), {}).update(problem)
    for status, response in responses.items():
        response.pop("model", None)
        if int(status) >= 400:
            response["content"] = {MEDIA_TYPE: {"schema": schema_of(ProblemDetails)}}
    operation["responses"] = dict(sorted(responses.items()))
