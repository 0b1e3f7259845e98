/** Inputs that a server which parses and prints JSON again would change, each as its own bytes. */
export type Input = { readonly name: string; readonly bytes: Buffer };

const LEVELS = 128;

const text = (name: string, json: string): Input => ({ name, bytes: Buffer.from(json) });

/** Arrays in arrays, `levels` of them. */
export const nestedArrays = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

/** Objects in objects, `levels` of them. */
export const nestedObjects = (levels: number): string =>
  `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;

const SINGLE: readonly Input[] = [
  text('an integer beyond a double', '12345678901234567890'),
  text('a number beyond a double', '1e400'),
  text('a fraction with trailing zeros', '0.1000'),
  text('minus zero', '-0'),
  text('a number in capitals', '1.50E+007'),
  text('U+0000 as an escape', '"\\u0000"'),
  text('half a surrogate pair as an escape', '"\\ud800"'),
  text('the other half', '"\\uDFFF-\\ud83d"'),
  text('escapes that need none', '"\\u0041\\/\\u00e9\\ud83d\\ude00"'),
  text('key order', '{"z":1,"a":2,"10":3,"2":4,"":5}'),
  text('white space inside', '{ "a" :\t[ 1 ,\r\n\n 2 ] ,\n"b"\t:\r{ } }'),
  text('a key given twice', '{"a":1,"b":2,"a":3}'),
  text('our own key inside, twice', '{"input":1,"input":2,"id":"x","policy":{"ttl":-1}}'),
  text('__proto__', '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
  text(`${LEVELS} levels of arrays`, nestedArrays(LEVELS)),
  text(`${LEVELS} levels of objects`, nestedObjects(LEVELS)),
  text('line separators and four-byte characters', '"\u2028\u2029\u{1f600}\u202e\ufeff"'),
  text('an empty string', '""'),
  text('null', 'null'),
  text('text that looks like our own answer', '{"output":1,"status":"COMPLETED","error":"no"}'),
  {
    name: 'bytes that are not UTF-8 inside a string',
    bytes: Buffer.concat([
      Buffer.from('"'),
      Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80, 0xf8]),
      Buffer.from('"'),
    ]),
  },
];

const all = SINGLE.filter(({ bytes }) => bytes.length < 100).map(({ bytes }) => bytes);

export const INPUTS: readonly Input[] = [
  ...SINGLE,
  {
    name: 'all of these in one array',
    bytes: Buffer.concat([
      Buffer.from('[ '),
      ...all.flatMap((bytes, at) => [Buffer.from(at === 0 ? '' : ' ,\n'), bytes]),
      Buffer.from('\t]'),
    ]),
  },
];
