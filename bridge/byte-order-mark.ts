const MARK = [0xef, 0xbb, 0xbf] as const;

/** Without the byte order mark that PowerShell and .NET put before UTF-8. It says nothing and breaks every parser. */
export function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === MARK[0] && bytes[1] === MARK[1] && bytes[2] === MARK[2]
    ? bytes.subarray(MARK.length)
    : bytes;
}
