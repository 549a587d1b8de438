"""Stripe's schemas of the pinned version, as JSON Schema."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

SUBSET = Path(__file__).parents[2] / "stripe" / "openapi_subset.json"


@cache
def components() -> dict[str, Any]:
    """The schemas by name, as OpenAPI 3.0 has them."""
    schemas: dict[str, Any] = json.loads(SUBSET.read_bytes())["components"]["schemas"]
    return schemas


@cache
def validator(name: str) -> Draft202012Validator:
    """Validates one kind of object strictly: no unknown field, no unknown value of an enumeration."""
    schemas = {key: _translate(schema) for key, schema in components().items()}
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}})


def problems(value: Any, name: str) -> list[str]:  # noqa: ANN401 - any JSON
    """What is wrong with a value that should be of this schema."""
    return [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in validator(name).iter_errors(value)
    ]


def _translate(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(schema, list):
        return [_translate(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    translated = {
        key: {name: _translate(each) for name, each in value.items()}
        if key == "properties"
        else _translate(value)
        for key, value in schema.items()
        if key not in {"nullable", "x-knownValues", "x-expandable", "x-resource", "description"}
    }
    if "x-knownValues" in schema:
        translated["enum"] = schema["x-knownValues"]
    if "properties" in schema:
        translated.setdefault("additionalProperties", False)
    if schema.get("nullable"):
        return {"anyOf": [translated, {"type": "null"}]}
    return translated
