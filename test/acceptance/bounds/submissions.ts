import { type Case, namesOf } from './cases.ts';

const PRIVATE_HOSTS = [
  ...['127.0.0.1', '127.1', '0x7f.1', '2130706433', '017700000001', '0.0.0.0', '10.0.0.1'],
  ...['172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '198.18.0.1', '192.0.0.8'],
  ...['224.0.0.1', '240.0.0.1', '255.255.255.255', '[::1]', '[::]', '[::ffff:7f00:1]'],
  ...['[64:ff9b::a9fe:a9fe]', '[2002:7f00:1::]', '[fe80::1]', '[fd00:ec2::254]', '[fc00::1]'],
  ...['localhost', 'localhost.', 'a.localhost', 'LOCALHOST', 'metadata.google.internal'],
  ...['\u2460\u2461\u2466.1', '127\u30020\u30020\u30021', '127.0.0.1.'],
];
const WEBHOOK_MAX_BYTES = 2_048;
const HOOK = 'https://hooks.example.com/';

const submission = (rest: string): string => `{"input":1${rest}}`;

/** Webhooks: of the wrong type, into private networks, too long, of other schemes. */
export const webhookCases = (line: string): Case[] => {
  const webhook = (value: string, status: number, says: Case['says'] = ['webhook']): Case => ({
    name: `webhook ${value.slice(0, 80)}`,
    line,
    body: submission(`,"webhook":${value}`),
    status: [status],
    says,
  });
  const longest = HOOK.padEnd(WEBHOOK_MAX_BYTES, 'x');
  return [
    ...PRIVATE_HOSTS.map((host) => webhook(JSON.stringify(`http://${host}/x`), 400)),
    webhook('null', 200),
    ...['true', '5', '[]', '{}', '""'].map((value) =>
      webhook(value, 400, ['webhook', namesOf(value)]),
    ),
    ...[
      ...['ftp://hooks.example.com/', 'file:///etc/passwd', 'gopher://x/', 'data:,x', 'x', '//x/'],
      ...['https://user@hooks.example.com/', 'https://:@hooks.example.com/', 'javascript:1'],
      ...['https://hooks.example.com:5432/', 'https://hooks.example.com:22/', 'http://'],
      ...['https://hooks.example.com/\r\nX: y', 'https://hooks.example.com/\t', ' https://a.b/'],
      'https://hooks.example.com/\u0000',
    ].map((url) => webhook(JSON.stringify(url), 400)),
    webhook('"https://hooks.example.com/\\ud800"', 400),
    webhook(JSON.stringify(`${longest}x`), 400),
    webhook(JSON.stringify(longest), 200),
    webhook(JSON.stringify(HOOK), 200),
  ];
};

/** Known keys given twice, in any spelling; unknown ones may be there as often as they like. */
export const twiceCases = (line: string): Case[] => {
  const values = { input: '1', policy: '{}', webhook: `"${HOOK}"`, s3Config: '{}' };
  const spellings = Object.entries(values).flatMap(([key, value]) => {
    const escaped = `\\u${key.charCodeAt(0).toString(16).padStart(4, '0')}${key.slice(1)}`;
    return [key, escaped].map((again) => ({ key, value, again }));
  });
  return [
    ...spellings.map(({ key, value, again }) => ({
      name: `${again} after ${key}`,
      line,
      body: `{"${key}":${value},${key === 'input' ? '' : '"input":1,'}"${again}":${value}}`,
      status: [400],
      says: [key, 'twice'],
    })),
    ...['"x":1,"x":2', '"__proto__":{"input":1},"__proto__":1', '"Input":2,"Policy":3'].map(
      (rest) => ({ name: rest, line, body: submission(`,${rest}`), status: [200] }),
    ),
  ];
};

/** s3Config of the wrong type: named, and never a value of it. */
export const s3Cases = (line: string): Case[] => [
  ...['true', '5', '"text"', '[]', '[{}]', '{"a":1}', '{"a":null}', '{"a":{}}'].map((value) => ({
    name: `s3Config ${value}`,
    line,
    body: submission(`,"s3Config":${value}`),
    status: [400],
    says: ['s3Config'],
  })),
  ...['null', '{}', '{"a":"b"}', '{"accessId":""}'].map((value) => ({
    name: `s3Config ${value}`,
    line,
    body: submission(`,"s3Config":${value}`),
    status: [200],
  })),
];

const KEY_MAX_CHARACTERS = 255;

/** Idempotency-Key: 1 to 255 visible ASCII characters. */
export const idempotencyCases = (line: string): Case[] => {
  const withKey = (key: string, status: number): Case => ({
    name: `Idempotency-Key of ${key.length}: ${key.slice(0, 20)}`,
    line,
    body: submission(''),
    headers: { 'idempotency-key': key },
    status: [status],
    says: ['Idempotency-Key'],
  });
  return [
    ...['k', '"quoted"', 'k'.repeat(KEY_MAX_CHARACTERS)].map((key) => withKey(key, 200)),
    ...['', 'two words', '\u00e9', 'k'.repeat(KEY_MAX_CHARACTERS + 1), 'k'.repeat(8_000)].map(
      (key) => withKey(key, 400),
    ),
  ];
};

/** Headers and media types of a submission. */
export const mediaCases = (line: string): Case[] => {
  const typed = (type: string, status: number): Case => ({
    name: type,
    line,
    body: submission(''),
    headers: { 'content-type': type },
    status: [status],
  });
  return [
    ...['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON'].map((type) =>
      typed(type, 200),
    ),
    ...['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'json'].map(
      (type) => typed(type, 415),
    ),
    typed('application/json; charset=utf-16', 415),
    {
      name: 'a body in gzip',
      line,
      body: submission(''),
      headers: { 'content-encoding': 'gzip' },
      status: [415],
    },
  ];
};

/** Bytes that no JSON has, and those that only what is passed through may have. */
export const bytesCases = (line: string): Case[] => {
  const raw = (name: string, text: string, status: number): Case => ({
    name,
    line,
    // One byte for each character, so that the text spells bytes that are not UTF-8.
    body: Buffer.from(text, 'latin1'),
    status: [status],
  });
  return [
    raw('a byte order mark', '\xef\xbb\xbf{"input":1}', 400),
    raw('UTF-16', '{\0"\0i\0n\0p\0u\0t\0"\0:\x001\0}\0', 400),
    raw('no UTF-8 in webhook', '{"input":1,"webhook":"https://a.example.com/\xff"}', 400),
    raw(
      'an overlong slash in webhook',
      '{"input":1,"webhook":"https://a.example.com\xc0\xaf"}',
      400,
    ),
    raw('no UTF-8 in s3Config', '{"input":1,"s3Config":{"accessId":"\xff"}}', 400),
    raw('no UTF-8 in a key of policy', '{"input":1,"policy":{"\xff":1}}', 400),
    raw('half a pair in a key of policy', '{"input":1,"policy":{"\\ud800":1}}', 400),
    raw('no UTF-8 in an unknown key', '{"input":1,"\xff":"\xfe"}', 200),
    raw('no UTF-8 in input', '{"input":"\xff\xc0\xaf\xed\xa0\x80"}', 200),
    raw('a raw NUL in input', '{"input":"\0"}', 400),
    raw('white space that JSON does not know', '{"input":\xa01}', 400),
    raw('a comment', '{"input":1/**/}', 400),
    raw('NaN', '{"input":NaN}', 400),
    raw('a comma too many', '{"input":1,}', 400),
    raw('single quotes', "{'input':1}", 400),
    raw('two objects', '{"input":1}{"input":2}', 400),
    raw('a million keys', `{"input":{${'"a":1,'.repeat(999_999)}"a":1}}`, 200),
    raw('a million elements', `{"input":[${'1,'.repeat(999_999)}1]}`, 200),
  ];
};
