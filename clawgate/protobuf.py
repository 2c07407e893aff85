"""Messages of Protocol Buffers, made of a table instead of by a compiler: nothing is generated, and nothing has to generate it.

What travels are numbers and kinds of fields. Names of messages do not, nor do enumerations, which are numbers, nor does it show
that of several fields only one is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]

Table = Mapping[str, Mapping[str, tuple[int, str]]]
"""By the name of a message and that of a field: its number and its kind, ``uint64``, ``repeated Name``, or ``map bytes`` for one
of strings to bytes."""

_KINDS = ("int32", "int64", "uint32", "uint64", "fixed64", "bool", "string", "bytes")


def classes(package: str, table: Table) -> dict[str, Any]:
    """The class of each message."""
    known = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in table.items():
        message = file.message_type.add(name=name)
        for label, (number, kind) in fields.items():
            field = message.field.add(name=label, number=number, label=known.LABEL_OPTIONAL)
            first, _, second = kind.rpartition(" ")
            if first:
                field.label = known.LABEL_REPEATED
            if first == "map":
                entry = message.nested_type.add(name=f"{label.title().replace('_', '')}Entry")
                entry.options.map_entry = True
                entry.field.add(name="key", number=1, label=known.LABEL_OPTIONAL, type=known.TYPE_STRING)
                entry.field.add(name="value", number=2, label=known.LABEL_OPTIONAL, type=_type(second))
                field.type, field.type_name = known.TYPE_MESSAGE, f".{package}.{name}.{entry.name}"
            elif second in _KINDS:
                field.type = _type(second)
            else:
                field.type, field.type_name = known.TYPE_MESSAGE, f".{package}.{second}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in table}


def _type(kind: str) -> Any:
    return getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{kind.upper()}")
