import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, test } from 'node:test';
import ipaddr from 'ipaddr.js';
import { createTargetGuard } from './target-guard.ts';

const closed = createTargetGuard({ allowPrivateTargets: [] });

/** First, last and telling addresses of every forbidden block of IPv4. */
const FORBIDDEN_V4 = [
  ...['0.0.0.0', '0.0.0.1', '0.255.255.255', '10.0.0.0', '10.0.0.1', '10.255.255.255'],
  ...['100.64.0.0', '100.100.100.200', '100.127.255.255', '127.0.0.0', '127.0.0.1', '127.1.2.3'],
  ...['127.255.255.255', '168.63.129.16', '169.254.0.0', '169.254.169.254', '169.254.170.2'],
  ...['169.254.255.255', '172.16.0.0', '172.17.0.1', '172.31.255.255', '192.0.0.0', '192.0.0.192'],
  ...['192.0.0.255', '192.0.2.1', '192.88.99.1', '192.168.0.0', '192.168.1.1', '192.168.255.255'],
  ...['192.175.48.1', '198.18.0.0', '198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.1'],
  ...['239.255.255.255', '240.0.0.1', '255.255.255.254', '255.255.255.255'],
];

const FORBIDDEN_V6 = [
  ...['::', '::1', '::2', '::127.0.0.1', '::7f00:1', '::8.8.8.8', '::ffff:127.0.0.1'],
  ...['::ffff:7f00:1', '::ffff:10.0.0.1', '::ffff:169.254.169.254', '0:0:0:0:0:ffff:c0a8:101'],
  ...['::ffff:0:7f00:1', '64:ff9b::a9fe:a9fe', '64:ff9b::127.0.0.1', '64:ff9b::808:808'],
  ...['64:ff9b:1::1', '64:ff9b:1:ffff::a9fe:a9fe', '64:ff9b:2::1', '100::1', '100:0:0:1::1'],
  ...['2001::1', '2001:0:53aa:64c::1', '2001:2::1', '2001:10::1', '2001:20::1', '2001:1ff::1'],
  ...['2001:db8::1', '2001:db8:ffff::1', '2002:7f00:1::', '2002:a9fe:a9fe::1', '2002:808:808::1'],
  ...['2620:4f:8000::1', '3fff::1', '3fff:fff::1', '4000::1', '5f00::1', '8000::1', 'c000::1'],
  ...['fc00::1', 'fd00:ec2::254', 'fd20:ce::254', 'fdff:ffff::1', 'fe00::1', 'fe80::1', 'febf::1'],
  ...['fec0::1', 'feff::1', 'ff02::1', 'ff0e::1', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
];

/** Neighbours of forbidden blocks, and well-known public hosts. */
const PUBLIC = [
  ...['1.0.0.0', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0'],
  ...['126.255.255.255', '128.0.0.0', '168.63.129.15', '168.63.129.17', '169.253.255.255'],
  ...['169.255.0.0', '172.15.255.255', '172.32.0.0', '192.0.1.0', '192.0.3.0', '192.167.255.255'],
  ...['192.169.0.0', '198.17.255.255', '198.20.0.0', '198.51.99.255', '203.0.114.0'],
  ...['223.255.255.255', '2000::1', '2001:200::1', '2001:4860:4860::8888', '2003::1'],
  ...['2606:4700:4700::1111', '2620:4f:7fff::1', '2a00:1450::1', '3ffe::1', '::ffff:8.8.8.8'],
];

const inBrackets = (address: string): string => (isIP(address) === 6 ? `[${address}]` : address);

/** Ways to write an IPv4 address into a URL; a URL parser reads each as that address. */
const spellingsOf = (address: string): string[] => {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  const number = ((a * 256 + b) * 256 + c) * 256 + d;
  const hex = number.toString(16).padStart(8, '0');
  const halves = `${hex.slice(0, 4)}:${hex.slice(4)}`;
  const wide = [...address].map((character) =>
    character === '.' ? '。' : String.fromCodePoint(0xff10 + Number(character)),
  );
  const encoded = [...Buffer.from(address)].map((byte) => `%${byte.toString(16)}`);
  return [
    ...[address, `${address}.`, String(number), `0x${hex}`, `0X${hex}`, `0${number.toString(8)}`],
    ...[
      `${a}.${(b * 256 + c) * 256 + d}`,
      `${a}.${b}.${c * 256 + d}`,
      `0x${a.toString(16)}.${b}.${c}.${d}`,
    ],
    ...[
      [a, b, c, d].map((part) => `0${part.toString(8)}`).join('.'),
      wide.join(''),
      encoded.join(''),
    ],
    ...[`[::ffff:${address}]`, `[::ffff:${halves}]`, `[0:0:0:0:0:FFFF:${halves}]`, `[::${halves}]`],
    ...[`[64:ff9b::${address}]`, `[64:ff9b:1::${halves}]`, `[2002:${halves}::]`],
  ];
};

const refusedUrl = (text: string, pattern?: RegExp): void => {
  const checked = closed.checkUrl(text);
  assert.equal(checked.ok, false, `${text} passed`);
  if (pattern !== undefined && !checked.ok) assert.match(checked.reason, pattern, text);
};

describe('a URL', () => {
  test('that names a forbidden address is refused however it is spelled', () => {
    const urls = FORBIDDEN_V4.flatMap(spellingsOf).map((host) => `http://${host}/hook`);
    urls.push(...FORBIDDEN_V6.map((address) => `https://[${address}]:8443/`));
    assert.ok(urls.length >= 700, `${urls.length} URLs`);
    for (const url of urls) refusedUrl(url, /^leads to /);
  });

  test('that names one in a way seen in attacks is refused', () => {
    const hosts = [
      ...['127.1', '0x7f.1', '2130706433', '017700000001', '0177.1', '127.0.1', '0', '0x0', '00.0'],
      ...[
        '①②⑦.⓪.⓪.①',
        '①②⑦。⓪。⓪。①',
        '１２７.０.０.１',
        '127。0。0。1',
        '127｡0｡0｡1',
        '0x7F000001',
        '0X7F.0X0.0X0.0X1',
      ],
      ...['%31%32%37.0.0.1', '127%2e0%2e0%2e1', '[::1]', '[::]', '[::ffff:7f00:1]', '[0::1]'],
      ...['[64:ff9b::a9fe:a9fe]', '[2002:7f00:1::]', '[fe80::1]', '[fd00:ec2::254]', '0.0.0.0'],
      ...[
        '169.254.169.254',
        '0xa9fea9fe',
        '2852039166',
        '0251.0376.0251.0376',
        '[::ffff:a9fe:a9fe]',
      ],
      ...['100.64.0.1', '198.18.0.1', '192.0.0.1', '224.0.0.1', '240.0.0.1', '255.255.255.255'],
      ...['localhost', 'localhost.', 'LOCALHOST', 'lOcAlHoSt.', 'a.localhost', 'a.b.localhost.'],
      ...[
        'ｌｏｃａｌｈｏｓｔ',
        'loc%61lhost',
        'ⓛocalhost',
        'localhost.localdomain',
        'ip6-localhost',
      ],
      ...['metadata.google.internal', 'METADATA.google.internal.', 'metadata', 'instance-data'],
    ];
    for (const host of hosts) {
      refusedUrl(`http://${host}/latest/meta-data`, /^leads to /);
      refusedUrl(`https://${host}:8080?x=1#y`, /^leads to /);
      refusedUrl(`http:\\\\${host}\\x`, /^leads to /);
    }
  });

  test('of another scheme, or that is none, is refused', () => {
    const scheme = /http or https/;
    for (const text of [
      ...['file:///etc/passwd', 'ftp://example.com/', 'gopher://example.com:70/_x', 'data:,x'],
      ...[
        'javascript:alert(1)',
        'ws://example.com',
        'unix:/run/x.sock',
        'blob:https://example.com/1',
      ],
      ...[
        '',
        'example.com',
        '//example.com/',
        '/hook',
        'http://',
        'http://?',
        'https://exa mple'.slice(0, 8),
      ],
      ...[
        'http://[::1',
        'http://[::g]/',
        'http://1.2.3.4.5/',
        'http://256.1.1.1/',
        'http://a:70000/',
      ],
      ...['http://a%00b/', 'http://a<b/', 'http://[fe80::1%25eth0]/', 'http://09.1.1.1/'],
    ]) {
      refusedUrl(text, scheme);
    }
  });

  test('that carries a user name, control characters or too many bytes is refused', () => {
    for (const text of [
      ...['http://user:pass@example.com/', 'https://user@example.com', 'http://:p@example.com/'],
      ...['http://@example.com/', 'http://:@example.com/', 'http:user@example.com'],
      ...['http://example.com@127.0.0.1/', 'HTTP:\\\\@example.com'],
    ]) {
      refusedUrl(text, /user name/);
    }
    for (const text of [
      ...['http://example.com/\r\nHost: x', 'http://exam\tple.com/', 'http://example.com/\n'],
      ...[' http://example.com/', 'http://example.com/\0', 'http://example.com/\x7f'],
      ...['http://example.com/\u0085', 'http://example.com/a b', 'ht\ntp://example.com/'],
    ]) {
      refusedUrl(text, /white space or control/);
    }
    const base = 'https://example.com/';
    assert.equal(closed.checkUrl(base.padEnd(2_048, 'a')).ok, true);
    refusedUrl(base.padEnd(2_049, 'a'), /at most 2048 bytes/);
    refusedUrl(`${base}${'é'.repeat(1_015)}`, /at most 2048 bytes/);
    assert.equal(closed.checkUrl(`${base}@me?mail=a@b.c#@`).ok, true);
  });

  test('that names the port of a database, broker or shell is refused', () => {
    for (const port of [0, 22, 25, 5432, 4222, 5672, 6379, 3306, 9200, 11211, 27017, 6667]) {
      refusedUrl(`http://example.com:${port}/`, new RegExp(`port ${port}$`));
      refusedUrl(`https://93.184.216.34:00${port}/`, new RegExp(`port ${port}$`));
    }
    for (const port of [80, 443, 3000, 8000, 8080, 8443, 9000, 32_768, 65_535]) {
      assert.equal(closed.checkUrl(`http://example.com:${port}/`).ok, true);
    }
  });

  test('to the public Internet passes, as the URL that it is', () => {
    for (const address of PUBLIC) {
      const checked = closed.checkUrl(`https://${inBrackets(address)}/hook`);
      assert.ok(checked.ok, address);
    }
    for (const host of ['example.com', 'example.com.', 'localhost.example.com', 'mylocalhost']) {
      const checked = closed.checkUrl(`HTTPS://${host}:8443/a/../b?c=d`);
      assert.ok(checked.ok, host);
      assert.equal(checked.url.href, `https://${host}:8443/b?c=d`);
    }
    assert.equal(closed.checkUrl('https://bücher.example/ü').ok, true);
  });
});

describe('an address', () => {
  test('is refused in every forbidden block and open beside them', () => {
    for (const address of [...FORBIDDEN_V4, ...FORBIDDEN_V6, 'fe80::1%eth0']) {
      assert.equal(closed.checkAddress(address).ok, false, address);
      assert.equal(closed.checkSocket({ remoteAddress: address }).ok, false, address);
    }
    for (const address of PUBLIC) {
      assert.equal(closed.checkAddress(address).ok, true, address);
      assert.equal(closed.checkSocket({ remoteAddress: address }).ok, true, address);
    }
    for (const text of [
      '',
      'example.com',
      '1',
      '127.1',
      '0x7f000001',
      '08.8.8.8',
      '[::1]',
      '8.8.8.8 ',
    ]) {
      assert.deepEqual(closed.checkAddress(text), { ok: false, reason: 'is not an IP address' });
    }
    assert.equal(closed.checkSocket({}).ok, false);
    assert.equal(closed.checkSocket({ remoteAddress: undefined }).ok, false);
  });

  test('that the library holds to be special is refused too', () => {
    // Every block that ipaddr.js does not call unicast, sampled at both ends of each /16.
    for (let high = 0; high < 65_536; high += 1) {
      const first = new ipaddr.IPv4([high >> 8, high & 255, 0, 1]);
      const last = new ipaddr.IPv6([high, 0, 0, 0, 0, 0, 0, 1]);
      for (const address of [first, last]) {
        if (address.range() === 'unicast') continue;
        assert.equal(closed.checkAddress(address.toString()).ok, false, address.toString());
      }
    }
  });

  test('is open when an allowed block holds it, and only then', () => {
    const guard = createTargetGuard({ allowPrivateTargets: ['10.1.2.0/24', 'fd00:1::/32'] });
    for (const address of ['10.1.2.0', '10.1.2.255', '::ffff:10.1.2.3', 'fd00:1::5', '8.8.8.8']) {
      assert.equal(guard.checkAddress(address).ok, true, address);
      assert.equal(guard.checkUrl(`http://${inBrackets(address)}:8080/`).ok, true, address);
    }
    for (const address of ['10.1.1.255', '10.1.3.0', '10.0.0.1', '127.0.0.1', 'fd00:2::1', '::1']) {
      assert.equal(guard.checkAddress(address).ok, false, address);
    }
    assert.equal(guard.checkUrl('http://0x0a010203/').ok, true);
    assert.equal(guard.checkUrl('http://localhost/').ok, false);
    assert.equal(guard.checkUrl('http://metadata.google.internal/').ok, false);
  });

  test('is the only one that an allowed address opens', () => {
    const guard = createTargetGuard({ allowPrivateTargets: ['10.1.2.3', 'fd00::1'] });
    for (const address of ['10.1.2.3', 'fd00::1', '::ffff:10.1.2.3']) {
      assert.equal(guard.checkAddress(address).ok, true, address);
    }
    for (const address of ['10.1.2.2', '10.1.2.4', 'fd00::', 'fd00::2']) {
      assert.equal(guard.checkAddress(address).ok, false, address);
    }
  });

  test('opens the names that stand for it', () => {
    const loopback = ['127.0.0.0/8', '127.0.0.1/32', '127.0.0.1', '::1/128', '::1'];
    for (const cidr of [...loopback, '0.0.0.0/0', '::/0']) {
      const guard = createTargetGuard({ allowPrivateTargets: [cidr] });
      assert.equal(guard.checkUrl('http://localhost:8080/').ok, true, cidr);
      assert.equal(guard.checkUrl('http://api.localhost./').ok, true, cidr);
    }
    const guard = createTargetGuard({ allowPrivateTargets: ['169.254.169.254/32'] });
    assert.equal(guard.checkUrl('http://metadata.google.internal/').ok, true);
  });
});

test('a block that is none is named when the guard is made', () => {
  const bad = [
    ...['', '10.0.0', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/', '/8', '10/8', '::/129', 'a/8'],
    ...[
      '10.0.0.0/8/8',
      '10.0.0.0/8 ',
      '010.0.0.0/8',
      '::ffff:10.0.0.0/104',
      '::ffff:10.0.0.1',
      'localhost',
    ],
    ...['localhost/8', '*'],
  ];
  for (const cidr of bad) {
    assert.throws(
      () => createTargetGuard({ allowPrivateTargets: ['10.0.0.0/8', cidr] }),
      (error: Error) =>
        error.message.startsWith('allowPrivateTargets must hold an IP address or a CIDR block') &&
        error.message.endsWith(`got ${JSON.stringify(cidr)}.`),
      cidr,
    );
  }
});
