"""Answers orders. Who asked is in the body: correlation_id comes in, correlation-id goes out."""

import json
import os
import signal

from confluent_kafka import Consumer, Producer

BROKERS = {"bootstrap.servers": os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")}


def confirm(order):
    if order["quantity"] < 1:
        raise ValueError("quantity must be at least 1")
    return {"status": "accepted", "item": order["item"]}


def serve(consumer, producer):
    while True:
        producer.poll(0)
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error():
            print(message.error(), flush=True)
            continue
        order = json.loads(message.value())
        try:
            reply = confirm(order)
        except (KeyError, ValueError) as error:
            print(f"refused: {error}", flush=True)
            continue
        reply["correlation-id"] = order["correlation_id"]
        producer.produce("python.replies", json.dumps(reply).encode())


def stop(*_):
    raise SystemExit


signal.signal(signal.SIGTERM, stop)
consumer = Consumer({**BROKERS, "group.id": "orders-python", "auto.offset.reset": "earliest"})
producer = Producer(BROKERS)
consumer.subscribe(["python.requests"])
try:
    serve(consumer, producer)
finally:
    consumer.close()
    producer.flush(5)
