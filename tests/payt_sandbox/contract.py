"""PAYT's published description (``openapi.json``, unchanged) as something that refuses what it doesn't allow.

The description says little about texts, so the vendor's prose is added to requests: money with two decimals, days,
moments in UTC, codes, checksums (see ``TEXTS``). Where it can't be meant as it stands, we deviate like this:

- ``POST /v1/files`` and ``POST /v1/psp_mandates`` show one object as their answer; the vendor's page on files has a
  list. Both are allowed.
- No property may be null. ``peppol_enabled`` may (its own text says so), and so may the answers' ``payment_date`` of a
  term not paid yet and ``acknowledged_by_user`` of a notification nobody saw; they are required.
- With ``fields`` an answer holds exactly what was asked for, so nothing is required of it.
- The allowed values of a contact's ``gender`` are nested in one another. That is left as it is: any value is refused.
"""

import json
import re
from copy import deepcopy
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import jsonschema_rs

DESCRIPTION = Path(__file__).with_name("openapi.json")
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

MONEY = {"pattern": r"^-?(0|[1-9][0-9]*)\.[0-9]{2}$"}
NUMBER = {"pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"}
DAY = {"format": "date"}
TEXTS = {
    **dict.fromkeys(
        ("amount", "amount_open", "amount_total", "book_amount", "book_amount_open", "book_amount_total"), MONEY
    ),
    **dict.fromkeys(("total_excl_tax_amount", "total_incl_tax_amount", "vat_amount", "product_price"), MONEY),
    **dict.fromkeys(("rate", "vat_percentage", "product_quantity"), NUMBER),
    **dict.fromkeys(("invoice_date", "due_date", "payment_date", "birth_date"), DAY),
    **dict.fromkeys(("country_code", "postal_address_country_code"), {"pattern": "^[A-Z]{2}$"}),
    "currency_code": {"pattern": "^[A-Z]{3}$"},
    "checksum": {"pattern": "^[A-Za-z0-9+/]{86}==$"},
}
UTC_MOMENT = {"format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
INT32 = {"minimum": -(2**31), "maximum": 2**31 - 1}
MAY_BE_NULL = {"peppol_enabled"}
ANSWERS_MAY_BE_NULL = {
    ("CustomerApi_V1_PlannedPaymentEntity", "payment_date"),
    ("CustomerApi_V1_NotificationEntity", "acknowledged_by_user"),
}
ONE_OR_MANY = {("post", "/v1/files"), ("post", "/v1/psp_mandates")}
ON_REQUEST = "request with the 'fields' parameter"
ENTITY_PREFIX = "#/components/schemas/"


class ContractBroken(Exception):
    """A request PAYT would answer with 422, or an answer of ours that PAYT wouldn't give."""


class Contract:
    """The description, with a validator for each request and each answer."""

    def __init__(self, description: dict[str, Any] | None = None) -> None:
        self.description = description or json.loads(DESCRIPTION.read_text())
        self.operations = [
            Operation(self, method, path, spec)
            for path, methods in self.description["paths"].items()
            for method, spec in methods.items()
        ]
        # /v1/invoices/deleted before /v1/invoices/{id}
        self.operations.sort(key=lambda operation: operation.path.count("{"))

    def find(self, method: str, path: str) -> tuple["Operation | None", dict[str, str]]:
        """The operation and what the path says, or None."""
        for operation in self.operations:
            if operation.method == method.lower() and (match := operation.pattern.fullmatch(path)):
                return operation, {name: unquote(value) for name, value in match.groupdict().items()}
        return None, {}

    def entity(self, name: str) -> dict[str, Any]:
        return self.description["components"]["schemas"][name]

    def on_request(self, entity: str) -> set[str]:
        """Properties that only come when asked for with ``fields``."""
        return {n for n, p in self.entity(entity)["properties"].items() if ON_REQUEST in p.get("description", "")}

    @cached_property
    def request_components(self) -> dict[str, Any]:
        return _strict(deepcopy(self.description["components"]), request=True)

    @cached_property
    def answer_components(self) -> dict[str, Any]:
        components = _strict(deepcopy(self.description["components"]), request=False)
        for entity, name in ANSWERS_MAY_BE_NULL:
            properties = components["schemas"][entity]["properties"]
            properties[name] = {"anyOf": [properties[name], {"type": "null"}]}
        return components

    def request_validator(self, schema: dict[str, Any]) -> Any:
        return _validator(_strict(deepcopy(schema), request=True), self.request_components)

    @cached_property
    def partial_components(self) -> dict[str, Any]:
        components = deepcopy(self.answer_components)
        for name, schema in components["schemas"].items():
            if not name.endswith("PageEntity"):
                schema.pop("required", None)
        return components

    def answer_validator(self, schema: dict[str, Any], partial: bool, nulls: bool) -> Any:
        components = self.partial_components if partial else self.answer_components
        if nulls:
            components = deepcopy(components)
            for entity in components["schemas"].values():
                for name, value in entity.get("properties", {}).items():
                    entity["properties"][name] = {"anyOf": [value, {"type": "null"}]}
        return _validator(_strict(deepcopy(schema), request=False), components)


@cache
def published() -> Contract:
    """The description as it is published. One for all sandboxes of a process: its validators take a moment to build."""
    return Contract()


def published_texts(schema: str, records: str) -> set[str]:
    """The properties of a record in a request that are text, of any content."""
    (body,) = (s for name, s in published().description["components"]["schemas"].items() if name == schema)
    properties = body["properties"][records]["items"]["properties"]
    return {name for name, kind in properties.items() if kind["type"] == "string" and not {"enum", "format"} & {*kind}}


class Operation:
    """One method on one path."""

    def __init__(self, contract: Contract, method: str, path: str, spec: dict[str, Any]) -> None:
        self.contract = contract
        self.method = method
        self.path = path
        self.spec = spec
        self.pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
        self.parameters = {p["name"]: p for p in spec.get("parameters", ()) if p["in"] == "query"}
        self._answer_validators: dict[str, Any] = {}

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def scope(self) -> str:
        resource = self.path.split("/")[2]
        return f"{resource}:{'read' if self.method == 'get' else 'write'}"

    @cached_property
    def bodies(self) -> dict[str, dict[str, Any]]:
        """Schema by media type."""
        body = self.spec.get("requestBody") or {}
        if "$ref" in body:
            body = self.contract.description["components"]["requestBodies"][body["$ref"].rpartition("/")[2]]
        return {media: content["schema"] for media, content in body.get("content", {}).items()}

    @cached_property
    def _body_validators(self) -> dict[str, Any]:
        return {media: self.contract.request_validator(schema) for media, schema in self.bodies.items()}

    # === REQUESTS

    def check_path(self, values: dict[str, str]) -> None:
        for parameter in self.spec.get("parameters", ()):
            if parameter["in"] == "path" and parameter["schema"]["type"] == "integer":
                if not values[parameter["name"]].isdigit():
                    raise ContractBroken(f"{parameter['name']} is invalid")

    def read_query(self, query: str) -> dict[str, Any]:
        """The query's values with their types.

        :raise ContractBroken: for a name that is unknown, missing or given twice, and for a value of another type
        """
        values: dict[str, Any] = {}
        for name, text in parse_qsl(query, keep_blank_values=True):
            if name not in self.parameters:
                raise ContractBroken(f"{name} is not a parameter of {self}")
            if name in values:
                raise ContractBroken(f"{name} is given twice")
            values[name] = _typed(name, text, self.parameters[name]["schema"])
        for name, parameter in self.parameters.items():
            if parameter.get("required") and not values.get(name):
                raise ContractBroken(f"{name} is missing")
        return values

    def read_body(self, content_type: str, content: bytes) -> dict[str, Any]:
        """The body, parsed and checked.

        :raise ContractBroken: with the first thing that is wrong
        """
        media, _, options = content_type.partition(";")
        media = media.strip().lower()
        if not self.bodies:
            if content:
                raise ContractBroken(f"{self} takes no body")
            return {}
        if media not in self.bodies:
            raise ContractBroken(f"{self} takes {' or '.join(self.bodies)}, not {media or 'a body without type'}")
        if "charset" in options.lower() and "utf-8" not in options.lower():
            raise ContractBroken("The body is not UTF-8")
        try:
            text = content.decode()
            body = json.loads(text) if media == JSON else _read_form(text, self._resolved(self.bodies[media]))
        except ValueError:
            raise ContractBroken("The body can't be parsed") from None
        _check(self._body_validators[media], body)
        return body

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in schema:
            return self.contract.entity(schema["$ref"].rpartition("/")[2])
        return schema

    # === ANSWERS

    def check_answer(self, status: int, answer: Any, nulls: bool = False, partial: bool = False) -> None:
        """Make sure that the sandbox itself keeps to the contract.

        :param nulls: empty properties are null, as in the vendor's examples, instead of absent
        :param partial: only some properties were asked for
        :raise ContractBroken: when it doesn't
        """
        described = self.spec["responses"].get(str(status))
        if described is None:
            if status in (400, 404, 409, 422):
                return  # documented in prose for all operations
            raise ContractBroken(f"{self} never answers {status}")
        schema = described.get("content", {}).get(JSON, {}).get("schema")
        if schema is None:
            return
        key = f"{status} {partial} {nulls}"
        if key not in self._answer_validators:
            if (self.method, self.path) in ONE_OR_MANY and status < 300:
                schema = {"anyOf": [schema, {"type": "array", "items": schema}]}
            self._answer_validators[key] = self.contract.answer_validator(schema, partial, nulls)
        _check(self._answer_validators[key], answer)

    @property
    def answer_entity(self) -> str:
        """The entity this operation answers with, or the one its list is made of."""
        for status in ("200", "201"):
            content = self.spec["responses"].get(status, {}).get("content")
            if content:
                name = content[JSON]["schema"]["$ref"].removeprefix(ENTITY_PREFIX)
                data = self.contract.entity(name).get("properties", {}).get("data")
                return data["items"]["$ref"].removeprefix(ENTITY_PREFIX) if data else name
        return ""


def _strict(node: Any, request: bool) -> Any:
    """The schema with nothing left open: no unknown properties, and texts that are what they should be."""
    if isinstance(node, list):
        return [_strict(item, request) for item in node]
    if not isinstance(node, dict):
        return node
    result = {name: _strict(value, request) for name, value in node.items()}
    if isinstance(result.get("properties"), dict):
        result["additionalProperties"] = False
        for name, schema in result["properties"].items():
            if request and schema.get("type") == "string" and name in TEXTS:
                schema.update(TEXTS[name])
            if name in MAY_BE_NULL:
                schema["type"] = ["boolean", "null"]
    if result.get("format") == "int32":
        result.pop("format")
        result.update(INT32)
    elif result.get("format") == "date-time":
        result.update(UTC_MOMENT)
    return result


def _validator(schema: dict[str, Any], components: dict[str, Any]) -> Any:
    return jsonschema_rs.Draft202012Validator(
        {**schema, "components": components}, validate_formats=True, mask="the value"
    )


def _check(validator: Any, value: Any) -> None:
    if validator.is_valid(value):
        return
    error = next(iter(validator.iter_errors(value)))
    where = ".".join(str(part) for part in error.instance_path)
    raise ContractBroken(f"{where or 'body'}: {error.message}"[:400])


def _read_form(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A form as OpenAPI means it: a list is its name repeated (``style: form``, ``explode: true``)."""
    body: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)):
        if schema["properties"].get(name, {}).get("type") == "array":
            body.setdefault(name, []).append(value)
        elif name in body:
            raise ValueError(name)
        else:
            body[name] = value
    return body


def _typed(name: str, text: str, schema: dict[str, Any]) -> Any:
    kind = schema["type"]
    value: Any = text
    try:
        if kind == "integer":
            value = int(text) if text.isascii() else _broken(name)
        elif kind == "number":
            value = float(text)
        elif kind == "boolean":
            value = {"true": True, "false": False}[text]
        elif kind == "array":
            value = text.split(",")
    except (ValueError, KeyError):
        _broken(name)
    if schema.get("format") == "date-time" and not re.fullmatch(UTC_MOMENT["pattern"], text):
        _broken(name)
    if "enum" in schema and value not in schema["enum"]:
        _broken(name)
    if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        _broken(name)
    return value


def _broken(name: str) -> Any:
    raise ContractBroken(f"{name} is invalid")
