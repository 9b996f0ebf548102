/** Kafka's own encoding, as far as the few questions of requests.ts need it. What a broker sends is not trusted. */

export function int8(value: number): Buffer {
  return Buffer.from([value & 0xff]);
}

export function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([int16(bytes.length), bytes]);
}

export function bytes(value: Buffer): Buffer {
  return Buffer.concat([int32(value.length), value]);
}

export function array(items: readonly Buffer[]): Buffer {
  return Buffer.concat([int32(items.length), ...items]);
}

/** Reads an answer from front to back. */
export class AnswerReader {
  #at = 0;

  constructor(private readonly answer: Buffer) {}

  int8(): number {
    return this.#take(1).readInt8(0);
  }

  int16(): number {
    return this.#take(2).readInt16BE(0);
  }

  int32(): number {
    return this.#take(4).readInt32BE(0);
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  text(): string | undefined {
    const length = this.int16();
    return length < 0 ? undefined : this.#take(length).toString();
  }

  bytes(): Buffer {
    const length = this.int32();
    return length < 0 ? Buffer.alloc(0) : this.#take(length);
  }

  array<T>(item: () => T): T[] {
    const count = this.int32();
    // An item has a byte at least: a count beyond that is a lie, and would be believed for as long as memory lasts.
    if (count > this.answer.length - this.#at) throw malformed();
    return Array.from({ length: Math.max(0, count) }, item);
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.answer.length) throw malformed();
    return this.answer.subarray(this.#at, (this.#at += length));
  }
}

const malformed = () => new Error('the answer is not one of a Kafka broker');
