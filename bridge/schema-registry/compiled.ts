/** A codec that came to nothing is a registry's failure like any other. */
import { UnusableSchema, type Codec } from './codecs/codec';
import type { PayloadEncoding } from './payload-encoding';
import { compileCodec } from './codecs/compile';
import type { RegisteredSchema } from './registered-schema';
import { RegistryError } from './registry-error';

/** @throws RegistryError `refused` for a schema that cannot be used */
export async function compiled(
  schema: RegisteredSchema,
  what: string,
  encoding: PayloadEncoding,
  messageName: string | undefined,
): Promise<Codec> {
  try {
    return await compileCodec(schema, { encoding, messageName });
  } catch (error) {
    if (!(error instanceof UnusableSchema)) throw error;
    throw new RegistryError('refused', `${what} cannot be used: ${error.message}`);
  }
}
