"""A gRPC client that knows a target and the name of a service, and learns everything else by reflection: no stubs, no proto file.

What it learns are message classes of its own; nothing of ``alys.wire.generated`` is used. Messages are given as keyword arguments
or dicts, as protobuf takes them.
"""

import queue
from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf import descriptor, descriptor_pool, message_factory
from google.protobuf.message import Message
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

SERVICE = "governance.v1.GovernanceStream"
SECONDS = 20.0

Metadata = tuple[tuple[str, str], ...]


class Client:
    """One channel; ``seen`` collects the names of all messages that were sent or received with something in them."""

    def __init__(self, target: str, metadata: Metadata = ()) -> None:
        self.metadata = metadata
        self.seen: set[str] = set()
        options = (
            ("grpc.max_send_message_length", 64 * 1024 * 1024),
            ("grpc.max_receive_message_length", 64 * 1024 * 1024),
            ("grpc.use_local_subchannel_pool", 1),
        )
        self._channel = grpc.insecure_channel(target, options=options)
        database = ProtoReflectionDescriptorDatabase(self._channel)
        self.services: list[str] = sorted(database.get_services())
        self._pool = descriptor_pool.DescriptorPool(database)
        self.service = self._pool.FindServiceByName(SERVICE)
        self.file = self.service.file

    def close(self) -> None:
        """Every stream ends."""
        self._channel.close()

    def message(self, name: str, **fields: Any) -> Any:
        """A message of the service's package."""
        found = self.file.message_types_by_name[name]
        return message_factory.GetMessageClass(found)(**fields)

    def number(self, value: str) -> int:
        """The number of an enum's value, by its full name."""
        for enum in self.file.enum_types_by_name.values():
            if value in enum.values_by_name:
                return int(enum.values_by_name[value].number)
        raise KeyError(value)

    def name(self, message: Message, field: str) -> str:
        """The name of a value in an enum field."""
        kind: Any = message.DESCRIPTOR.fields_by_name[field].enum_type
        return str(kind.values_by_number[getattr(message, field)].name)

    def call(self, method: str, **fields: Any) -> Any:
        """One of the calls with one answer; raises grpc.RpcError."""
        found = self.service.methods_by_name[method]
        request = self.message(found.input_type.name, **fields)
        return self.note(self.raw(f"{SERVICE}/{method}", self.note(request), found.output_type))

    def raw(
        self, method: str, request: Message | bytes, answer: descriptor.Descriptor | None = None
    ) -> Any:
        """Any call with one answer, by its path; the answer as bytes unless its type is given."""
        decode = None if answer is None else message_factory.GetMessageClass(answer).FromString
        frame = request if isinstance(request, bytes) else request.SerializeToString()
        unary: Any = self._channel.unary_unary(f"/{method}", response_deserializer=decode)
        return unary(frame, timeout=SECONDS)

    def other(self, symbol: str, **fields: Any) -> Any:
        """A message of another package that the server told of, by its full name."""
        found = self._pool.FindMessageTypeByName(symbol)
        return message_factory.GetMessageClass(found)(**fields)

    def stream(self, metadata: Metadata | None = None) -> "Stream":
        """An open stream, with this client's credentials unless others are given."""
        return Stream(self, self.metadata if metadata is None else metadata, self._channel)

    def note(self, message: Any) -> Any:
        """Remember which messages are in this one."""
        self.seen.add(message.DESCRIPTOR.name)
        for field, value in message.ListFields():
            if field.message_type is None or field.message_type.GetOptions().map_entry:
                continue
            for one in value if field.is_repeated else [value]:
                self.note(one)
        return message


class Stream:
    """The bidirectional call; reads and writes wait for each other only where a test says so."""

    def __init__(self, client: Client, metadata: Metadata, channel: grpc.Channel) -> None:
        self._client = client
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        method = client.service.methods_by_name["Stream"]
        decode = message_factory.GetMessageClass(method.output_type).FromString
        multi: Any = channel.stream_stream(f"/{SERVICE}/Stream", response_deserializer=decode)
        sent: Iterator[bytes] = iter(self._outgoing.get, None)
        self._call: Any = multi(sent, metadata=metadata, timeout=SECONDS)

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it from this side, at once."""
        self._outgoing.put(None)
        self._call.cancel()

    def send(self, request_id: str, *, version: str = "v1.0.0", **payload: Any) -> None:
        """A StreamRequest with one payload, by its name."""
        metadata = {
            "request_id": request_id,
            "node_id": "contract",
            "protocol_version": version,
            "timestamp": 1,
        }
        request = self._client.message("StreamRequest", metadata=metadata, **payload)
        self.send_frame(self._client.note(request).SerializeToString())

    def send_frame(self, frame: bytes) -> None:
        """Whatever it is."""
        self._outgoing.put(frame)

    def read(self) -> Any:
        """The next StreamResponse; raises grpc.RpcError when the stream ends otherwise, StopIteration when it ends well."""
        return self._client.note(next(self._call))

    def ask(self, request_id: str, **payload: Any) -> Any:
        """Send, and the next answer that has this id."""
        self.send(request_id, **payload)
        return self.answer(request_id)

    def answer(self, request_id: str) -> Any:
        """The next answer that has this id; what is announced meanwhile is passed over."""
        while (answer := self.read()).metadata.request_id != request_id:
            pass
        return answer

    def register(self, **fields: Any) -> Any:
        """The ack of a registration."""
        return self.ask("registration", node_registration=fields).registration_ack

    def end(self) -> grpc.RpcError:
        """How it ends; what still comes before is passed over."""
        try:
            while True:
                self.read()
        except grpc.RpcError as error:
            return error
