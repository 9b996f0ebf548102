/**
 * Imported for its effect: a full collection comes when there are twice as many old objects as the last one has left.
 *
 * By itself V8 collects as soon as it takes little of the time on the whole. With 7,000 streams that was every twenty
 * seconds, because of a tenth more, and each time both cores of a small machine were busy for a fifth of a second with
 * looking at streams that had not changed: no share of the time, but the slowest of a hundred requests. Without streams
 * there are 14 MB of old objects, and it changes nothing that could be measured (docs/performance.md, Node). Where memory
 * is short V8 collects earlier all the same; whoever starts node with the flag has its own value.
 */
import { setFlagsFromString } from 'node:v8';

const FLAG = '--heap-growing-percent';
const PERCENT = 100;

if (!process.execArgv.some((flag) => flag.replaceAll('_', '-').startsWith(FLAG)))
  setFlagsFromString(`${FLAG}=${PERCENT}`);
