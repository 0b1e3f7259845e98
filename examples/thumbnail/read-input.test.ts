import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readInput } from './read-input.ts';

const image = 'AAAA';

test('the least input takes the defaults', () => {
  assert.deepEqual(readInput({ image }), {
    picture: { bytes: Buffer.alloc(3) },
    sizes: [{ width: 128 }, { width: 512 }],
    format: 'jpeg',
    key: undefined,
  });
  const url = 'https://example.com/a.jpg';
  assert.deepEqual(readInput({ url }).picture, { url: new URL(url) });
  assert.deepEqual(readInput({ image: 'data:image/png;base64,AA\nAA' }).picture, {
    bytes: Buffer.alloc(3),
  });
});

for (const [input, sentence] of [
  [null, 'The input must be an object; got null.'],
  [[], 'The input must be an object; got [].'],
  [{}, 'The input must have either image (base64) or url, and not both.'],
  [{ image, url: 'http://a/' }, 'The input must have either image (base64) or url, and not both.'],
  [{ image, sise: 1 }, 'The input has an unknown field "sise".'],
  [{ image: 'ä' }, 'image must be base64; got "ä".'],
  [{ image: '' }, 'image must be base64; got "".'],
  [{ image: 7 }, 'image must be base64; got 7.'],
  [{ url: 'file:///etc/passwd' }, 'url must be an http or https URL; got "file:///etc/passwd".'],
  [{ url: 'here' }, 'url must be an http or https URL; got "here".'],
  [{ image, sizes: [] }, 'sizes must be a list of 1 to 20 sizes; got [].'],
  [{ image, sizes: [64] }, 'sizes.0 must be {width, height?}; got 64.'],
  [{ image, sizes: [{}] }, 'sizes.0.width must be a whole number, 1 to 4096; got nothing.'],
  [
    { image, sizes: [{ width: 1 }, { width: 9, height: 0.5 }] },
    'sizes.1.height must be a whole number, 1 to 4096; got 0.5.',
  ],
  [
    { image, sizes: [{ width: 4_097 }] },
    'sizes.0.width must be a whole number, 1 to 4096; got 4097.',
  ],
  [{ image, format: 'bmp' }, 'format must be one of jpeg, webp, png; got "bmp".'],
  [{ image, key: '' }, 'key must be a text of 1 to 512 characters; got "".'],
] as const) {
  test(`${JSON.stringify(input)} is refused: ${sentence}`, () => {
    assert.throws(() => readInput(input), { name: 'PictureError', message: sentence });
  });
}
