"""Writes orders as confluent-kafka does, and reads those that the gateway has written.

Gets a JSON object: the registry's url, and for each type the gateway's bytes in hex. Prints one of the same form: its own
bytes, and what it has read.
"""

import importlib
import json
import subprocess
import sys
import tempfile

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf.json_format import MessageToDict, ParseDict

LATEST = {"auto.register.schemas": False, "use.latest.version": True}


class Registry(SchemaRegistryClient):
    """Apicurio does not find a Protobuf schema by the descriptor that this library looks it up with."""

    def lookup_schema(self, subject, *_, **__):
        return self.get_latest_version(subject)


def message_class(text, name):
    folder = tempfile.mkdtemp()
    with open(f"{folder}/order.proto", "w") as file:
        file.write(text)
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", f"--python_out={folder}", "order.proto"],
        check=True,
    )
    sys.path.insert(0, folder)
    return getattr(importlib.import_module("order_pb2"), name)


given = json.load(sys.stdin)
client = Registry({"url": given["url"]})
order = given["order"]


def context(kind):
    return SerializationContext(f"bytes-{kind}", MessageField.VALUE)


def exchange(kind, serializer, deserializer, value, plain):
    theirs = serializer(value, context(kind))
    read = deserializer(bytes.fromhex(given["bytes"][kind]), context(kind))
    return {"bytes": theirs.hex(), "read": plain(read)}


avro = client.get_latest_version("bytes-avro-value").schema
order_json = client.get_latest_version("bytes-json-value").schema
Order = message_class(given["proto"], "Order")

json.dump(
    {
        "avro": exchange(
            "avro", AvroSerializer(client, avro, conf=LATEST), AvroDeserializer(client), order, lambda read: read
        ),
        "json": exchange(
            "json",
            JSONSerializer(order_json, client, conf=LATEST),
            JSONDeserializer(order_json, schema_registry_client=client),
            order,
            lambda read: read,
        ),
        "protobuf": exchange(
            "protobuf",
            ProtobufSerializer(Order, client, {"auto.register.schemas": False, "use.deprecated.format": False}),
            ProtobufDeserializer(Order, {"use.deprecated.format": False}),
            ParseDict(order, Order()),
            lambda read: MessageToDict(read, preserving_proto_field_name=True),
        ),
    },
    sys.stdout,
)
