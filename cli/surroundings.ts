/** All that a command touches of the process it runs in; a test hands in its own. */
export interface Surroundings {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C and SIGTERM: a command that goes on ends in order, and once. */
  readonly interrupted: AbortSignal;
}

export interface TextSink {
  write(text: string | Uint8Array): unknown;
  readonly isTTY?: boolean;
}
