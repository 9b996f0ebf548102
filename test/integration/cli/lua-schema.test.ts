/** The schema.lua of each plugin, read by Lua 5.1 and held against the dump. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PLUGINS } from '../../../common/plugins';
import { lua } from '../../../dev/lua';
import { runInside } from '../../cli/run-cli';

/** Prints the tree as JSON; Kong's typedef is what it is in Kong, with a null that can be told from nothing. */
const READ = `
local NULL = {}
ngx = { null = NULL }
package.loaded["kong.db.schema.typedefs"] = {
  no_consumer = { type = "foreign", reference = "consumers", eq = NULL },
}
local function json(value)
  if value == NULL then return "null" end
  if type(value) == "string" then
    return '"' .. value:gsub('[%c"\\\\]', function(c) return string.format("\\\\u%04x", c:byte()) end) .. '"'
  end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  if #value > 0 or next(value) == nil then
    for _, item in ipairs(value) do parts[#parts + 1] = json(item) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for name, member in pairs(value) do parts[#parts + 1] = json(name) .. ":" .. json(member) end
  return "{" .. table.concat(parts, ",") .. "}"
end
io.write(json(dofile(FILE)))
`;

for (const { name } of PLUGINS)
  test(`${name}: Lua reads the tree of the dump`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'kong-kafka-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'schema.lua');
    writeFileSync(file, (await runInside(['schema', '--plugin', name, '--lua'])).stdout);
    const read: unknown = JSON.parse(await lua(READ.replace('FILE', JSON.stringify(file)))); // prettier-ignore
    const dump = JSON.parse((await runInside(['schema', '--plugin', name])).stdout) as {
      Plugins: { Schema: unknown }[];
    };
    assert.deepEqual(withoutEmpty(read), withoutEmpty(dump.Plugins[0]!.Schema));
    assert.ok(JSON.stringify(read).length > 3000);
  });

/** An empty Lua table is a list and a record alike. */
function withoutEmpty(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Object.keys(value).length === 0) return 'empty';
  if (Array.isArray(value)) return value.map(withoutEmpty);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withoutEmpty(member)]));
}
