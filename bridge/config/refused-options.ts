/** Options of Kong's Kafka plugins that hold code. They are here to be refused by their names, with what to use instead. */
import { demands, IS_SET } from './entity-checks';
import type { ConfigOf, OptionTable } from './fields';
import type { CrossRule } from './parse';

export const REFUSED_OPTIONS = [
  {
    name: 'message_by_lua_functions',
    type: 'array',
    elements: { type: 'string', minLength: 0 },
    default: [],
    description:
      "Cannot be used: must stay empty (default). Code of Kong's own Kafka plugins; transformer plugins on the route can change request and answer.",
  },
  {
    name: 'expressions',
    type: 'map',
    keys: { type: 'string', minLength: 1 },
    values: { type: 'string', minLength: 0 },
    default: {},
    description:
      'Cannot be used: must stay empty (default). With them plugins of Kong compute options for each request; here options are fixed.',
  },
] as const satisfies OptionTable;

const NO_LUA =
  'message_by_lua_functions: must be empty, because this plugin runs no Lua; transformer plugins on the route can change request and answer';
const NO_EXPRESSIONS =
  'expressions: must be empty, because options of this plugin are fixed; an instance of its own for a route or a consumer can have others';

export const REFUSED_RULES: readonly CrossRule<ConfigOf<typeof REFUSED_OPTIONS>>[] = [
  {
    complaint: (config) => (config.message_by_lua_functions.length > 0 ? NO_LUA : undefined),
    kong: [demands('message_by_lua_functions', IS_SET, 'message_by_lua_functions', { len_max: 0 }, NO_LUA)],
  },
  {
    complaint: (config) => (Object.keys(config.expressions).length > 0 ? NO_EXPRESSIONS : undefined),
    kong: [demands('expressions', IS_SET, 'expressions', { len_max: 0 }, NO_EXPRESSIONS)],
  },
];
