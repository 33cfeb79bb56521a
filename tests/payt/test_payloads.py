"""The payload types are the contract's, field by field."""

from typing import Literal, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from payt_api import entities, money_entities
from payt_api import operations as op
from payt_api.guard import _fields, _kind
from payt_api.kinds import Kind

from tests.payt_sandbox.contract import Contract

CONTRACT = Contract()
# required by us though the description has it optional: without it PAYT couldn't know the record again
OUR_KEYS = {"vat_rates": {"code", "rate", "name"}, "contacts": {"contact_identifier"}}
LEFT_OUT = {"contacts": {"gender"}}
FILLED_IN_BY_THE_CLIENT = {"administration_id", "fields"}
TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}


@pytest.mark.parametrize("operation", [found for found in op.OPERATIONS if found.payload], ids=str)
def test_a_payload_has_the_contracts_fields(operation):
    (described,) = [known for known in CONTRACT.operations if str(known) == str(operation)]
    schema = described.bodies["application/json"]
    schema = CONTRACT.entity(schema["$ref"].rpartition("/")[2]) if "$ref" in schema else schema
    if operation.carries:
        schema = schema["properties"][operation.carries]["items"]
    _compare(operation.payload, schema, operation.carries)
    assert not operation.key or operation.key in operation.payload.__required_keys__


def _compare(payload_type: type, schema: dict, name: str) -> None:
    properties = schema["properties"]
    fields = _fields(payload_type)
    assert set(fields) == set(properties) - LEFT_OUT.get(name, set()) - FILLED_IN_BY_THE_CLIENT
    required = set(schema.get("required", ())) - FILLED_IN_BY_THE_CLIENT
    assert payload_type.__required_keys__ == required | OUR_KEYS.get(name, set())
    for field, hint in fields.items():
        _compare_type(hint, properties[field], field)


def _compare_type(hint: object, schema: dict, field: str) -> None:
    kind, plain = _kind(hint)
    if is_typeddict(plain):
        _compare(plain, schema, field)
    elif get_origin(plain) is list:
        assert schema["type"] == "array"
        _compare_type(get_args(plain)[0], schema["items"], field)
    elif get_origin(plain) is Literal:
        # an empty text among the values is PAYT's way to say nothing, which we say by leaving the field out
        assert set(get_args(plain)) == set(schema["enum"]) - {""}
    else:
        types = [TYPES[part] for part in get_args(plain) or (plain,) if part in TYPES]
        assert types == [schema["type"]], field
        assert "enum" not in schema, field
        if schema.get("format") == "date-time":
            assert kind is Kind.MOMENT, field


def test_every_operation_we_use_is_in_the_contract():
    used = [*op.OPERATIONS, *(listing.operation for listing in op.LISTINGS.values())]
    used += [op.LISTINGS[name].deleted for name in op.WITH_DELETED]
    known = {str(operation): operation for operation in CONTRACT.operations}
    assert len(used) > 30
    for operation in used:
        described = known[str(operation)]
        assert operation.scope == described.scope
        media = "application/x-www-form-urlencoded" if operation.form else "application/json"
        assert not described.bodies or media in described.bodies
        assert operation.form == (bool(described.bodies) and "application/json" not in described.bodies)


def test_the_permissions_asked_for_are_those_the_operations_need():
    assert op.SCOPES == (
        "administrations:read",
        "contacts:read",
        "contacts:write",
        "credit_cases:read",
        "debtors:read",
        "debtors:write",
        "files:write",
        "invoices:read",
        "invoices:write",
        "messages:read",
        "notes:read",
        "notifications:read",
        "payment_plans:read",
        "payment_plans:write",
        "payments:read",
        "psp_mandates:read",
        "psp_mandates:write",
        "psp_transactions:read",
        "vat_rates:read",
        "vat_rates:write",
    )


def test_every_filter_we_know_is_in_the_contract():
    known = {str(operation): set(operation.parameters) for operation in CONTRACT.operations}
    for listing in op.LISTINGS.values():
        common = {"administration_id", "cursor", "per_page"}
        common |= {"updated_after"} if listing.incremental else set()
        common |= {"fields"} if listing.selectable else set()
        assert known[str(listing.operation)] == listing.lists | listing.others | common


# === WHAT IS READ

ENTITIES = {name: value for name, value in (vars(entities) | vars(money_entities)).items() if is_typeddict(value)}


@pytest.mark.parametrize("name", ENTITIES)
def test_an_entity_has_the_contracts_properties(name):
    schemas = CONTRACT.description["components"]["schemas"]
    (schema,) = [s for n, s in schemas.items() if n.replace("_", "") == f"CustomerApiV1{name}Entity"]
    assert set(get_type_hints(ENTITIES[name])) == set(schema["properties"])


def test_every_list_has_its_entity():
    assert set(entities.ENTITIES) == {*op.LISTINGS, "administrations"}
