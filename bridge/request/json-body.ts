/** JSON that a client sent, checked before it becomes a part of other JSON. */
import { GatewayError } from '../errors';
import { isDeeperThan, MAX_JSON_DEPTH } from '../json-depth';
import { utf8Text } from './kong-text';

/**
 * The text of a JSON body, to be spliced into other JSON as it is: numbers that JavaScript cannot hold, spacing and
 * order arrive as they were sent.
 * @throws GatewayError `request_invalid` for what is not JSON in UTF-8, or is nested too deep
 */
export function jsonText(body: Buffer): string {
  refuseDeeper(body);
  const text = utf8Text(body);
  if (text !== undefined && isJsonText(text)) return text;
  throw notJson();
}

/** @throws GatewayError `request_invalid`, as above */
export function parseJson(body: Buffer): unknown {
  refuseDeeper(body);
  const text = utf8Text(body);
  if (text === undefined) throw notJson();
  try {
    return JSON.parse(text);
  } catch {
    throw notJson();
  }
}

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Without the parser's own error: that one quotes the body. */
function notJson(): GatewayError {
  return new GatewayError('request_invalid', 'the body is not valid JSON in UTF-8');
}

function refuseDeeper(json: Buffer): void {
  if (!isDeeperThan(json, MAX_JSON_DEPTH)) return;
  throw new GatewayError('request_invalid', `the JSON body is nested deeper than ${MAX_JSON_DEPTH} levels`);
}
