import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { Context } from '@switchyard/worker';
import sharp from 'sharp';
import { makeThumbnails } from './make-thumbnails.ts';

type Thumbnail = {
  width: number;
  height: number;
  bytes: number;
  sha256: string;
  image?: string;
  key?: string;
  url?: string;
  etag?: string;
};
type Output = {
  error?: string;
  format?: string;
  width?: number;
  height?: number;
  thumbnails: Thumbnail[];
};

const quiet = () => undefined;
const contextOf = (seen: unknown[] = [], signal = new AbortController().signal): Context => ({
  signal,
  progress: (value) => void seen.push(value),
  log: { info: quiet, warn: quiet, error: quiet },
});

const jobOf = (input: unknown, s3Config?: Record<string, string>) => {
  const rawInput = Buffer.from(JSON.stringify(input));
  return { id: 'job-1', input, rawInput, ...(s3Config === undefined ? {} : { s3Config }) };
};

const make = async (input: unknown, context = contextOf(), s3Config?: Record<string, string>) =>
  (await makeThumbnails(jobOf(input, s3Config), context)) as Output;

const RED = { r: 255, g: 0, b: 0 };
const BLUE = { r: 0, g: 0, b: 255 };

/** Red on the left, blue on the right: so that one can see which way up it came out. */
const halves = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: RED } }).composite([
    {
      input: { create: { width: width / 2, height, channels: 3, background: BLUE } },
      left: width / 2,
      top: 0,
    },
  ]);

/** A picture of noise, which no encoder makes small. */
const noise = (width = 400, height = 300) =>
  sharp({
    create: {
      width,
      height,
      channels: 3,
      background: RED,
      noise: { type: 'gaussian', mean: 128, sigma: 40 },
    },
  });

const SVG = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200">' +
    '<circle r="90" cx="150" cy="100"/></svg>',
);

const PICTURES: Readonly<Record<string, () => Promise<Buffer> | Buffer>> = {
  jpeg: () => noise(300, 200).jpeg().toBuffer(),
  png: () => noise(300, 200).ensureAlpha(0.5).png().toBuffer(),
  webp: () => noise(300, 200).webp().toBuffer(),
  gif: () => noise(300, 200).gif().toBuffer(),
  avif: () => noise(300, 200).avif().toBuffer(),
  svg: () => SVG,
};

for (const [format, picture] of Object.entries(PICTURES)) {
  test(`${format} becomes thumbnails of every output format`, { timeout: 60_000 }, async () => {
    const image = (await picture()).toString('base64');
    for (const wanted of ['jpeg', 'webp', 'png'] as const) {
      const progress: unknown[] = [];
      const sizes = [{ width: 60 }, { width: 60, height: 20 }, { width: 4_000 }];
      const output = await make({ image, sizes, format: wanted }, contextOf(progress));
      assert.deepEqual([output.format, output.width, output.height], [format, 300, 200]);
      assert.deepEqual(
        output.thumbnails.map(({ width, height }) => [width, height]),
        [
          [60, 40],
          [30, 20],
          [300, 200],
        ],
      );
      for (const { image: data = '', width, height, bytes, sha256 } of output.thumbnails) {
        const thumbnail = Buffer.from(data, 'base64');
        const read = await sharp(thumbnail).metadata();
        assert.deepEqual([read.format, read.width, read.height], [wanted, width, height]);
        assert.equal(thumbnail.length, bytes);
        assert.equal(createHash('sha256').update(thumbnail).digest('hex'), sha256);
      }
      assert.deepEqual(progress.at(-1), { done: 3, of: 3 });
    }
  });
}

test('without sizes there are two, 128 and 512 wide, as JPEG', async () => {
  const image = (await noise(1_024, 768).jpeg().toBuffer()).toString('base64');
  const { thumbnails } = await make({ image: `data:image/jpeg;base64,${image}` });
  assert.deepEqual(
    thumbnails.map(({ width, height }) => [width, height]),
    [
      [128, 96],
      [512, 384],
    ],
  );
});

test('a picture is turned the way its EXIF orientation says', async () => {
  // Where red, the left half of what is stored, belongs: in the order of orientations 1 to 8.
  const places = ['left', 'right', 'right', 'left', 'top', 'top', 'bottom', 'bottom'];
  for (const [index, place] of places.entries()) {
    const stored = await halves(400, 200).png().toBuffer();
    const jpeg = sharp(stored)
      .withMetadata({ orientation: index + 1 })
      .jpeg();
    const image = (await jpeg.toBuffer()).toString('base64');
    const { width, height, thumbnails } = await make({ image, sizes: [{ width: 100 }] });
    const lying = place === 'left' || place === 'right';
    assert.deepEqual([width, height], lying ? [400, 200] : [200, 400]);
    const thumbnail = sharp(Buffer.from(thumbnails[0]?.image ?? '', 'base64'));
    const { data, info } = await thumbnail.raw().toBuffer({ resolveWithObject: true });
    assert.deepEqual([info.width, info.height], lying ? [100, 50] : [100, 200]);
    const redAt = (x: number, y: number) => (data[(y * info.width + x) * 3] ?? 0) > 128;
    const { width: w, height: h } = info;
    const found = {
      left: redAt(2, h >> 1) && !redAt(w - 3, h >> 1),
      right: redAt(w - 3, h >> 1) && !redAt(2, h >> 1),
      top: redAt(w >> 1, 2) && !redAt(w >> 1, h - 3),
      bottom: redAt(w >> 1, h - 3) && !redAt(w >> 1, 2),
    };
    assert.deepEqual(
      Object.entries(found)
        .filter(([, is]) => is)
        .map(([name]) => name),
      [place],
      `orientation ${index + 1}`,
    );
  }
});

test('what is see-through is white in a JPEG and stays see-through elsewhere', async () => {
  const clear = { r: 0, g: 0, b: 0, alpha: 0 };
  const png = sharp({ create: { width: 64, height: 64, channels: 4, background: clear } }).png();
  const image = (await png.toBuffer()).toString('base64');
  const first = async (format: string) => {
    const { thumbnails } = await make({ image, sizes: [{ width: 8 }], format });
    return [
      ...(await sharp(Buffer.from(thumbnails[0]?.image ?? '', 'base64'))
        .raw()
        .toBuffer()),
    ];
  };
  assert.deepEqual((await first('jpeg')).slice(0, 3), [255, 255, 255]);
  assert.equal((await first('png'))[3], 0);
  assert.equal((await first('webp'))[3], 0);
});

for (const format of ['jpeg', 'png', 'webp', 'gif', 'avif']) {
  test(`a truncated ${format} fails with a sentence`, async () => {
    const whole = (await PICTURES[format]?.()) ?? Buffer.alloc(0);
    const image = whole.subarray(0, Math.floor(whole.length * 0.6)).toString('base64');
    for (const width of [20, 300]) {
      const { error } = await make({ image, sizes: [{ width }] });
      assert.match(error ?? '', /^The picture is truncated or damaged and cannot be read: \S.*\.$/);
    }
  });
}

test('a text, nothing, and too many pixels fail with a sentence', async () => {
  const text = await make({ image: Buffer.from('Dear Sir or Madam, enclosed').toString('base64') });
  assert.match(text.error ?? '', /^This is no picture .*; it begins with "Dear Sir or Mada"\.$/);
  const none = await make({});
  assert.match(none.error ?? '', /either image \(base64\) or url/);
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="30000" height="30000"/>';
  const huge = await make({ image: Buffer.from(svg).toString('base64') });
  assert.match(huge.error ?? '', /^The picture has .*pixels.* at most 268000000/);
});

test('a job that was cancelled ends with the reason of its signal', async () => {
  const image = SVG.toString('base64');
  const context = contextOf([], AbortSignal.abort(new Error('cancelled')));
  await assert.rejects(make({ image }, context), /cancelled/);
});

type S3rver = new (
  options: object,
) => {
  run: () => Promise<AddressInfo>;
  close: () => Promise<void>;
};
const require = createRequire(import.meta.url);
const Server: S3rver = require('s3rver');

test('with an s3Config the thumbnails go into the bucket', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'thumbnail-s3-'));
  const options = { address: '127.0.0.1', port: 0, silent: true, directory, vhostBuckets: false };
  const storage = new Server({ ...options, configureBuckets: [{ name: 'pictures', configs: [] }] });
  try {
    const endpointUrl = `http://127.0.0.1:${(await storage.run()).port}`;
    const account = { accessId: 'S3RVER', accessSecret: 'S3RVER', endpointUrl };
    const s3Config = { ...account, bucketName: 'pictures' };
    const image = (await noise().jpeg().toBuffer()).toString('base64');
    const sizes = [{ width: 40 }, { width: 50, height: 10 }];
    const input = { image, sizes, format: 'webp', key: 'holiday/one' };
    const { thumbnails } = await make(input, contextOf(), s3Config);
    assert.deepEqual(
      thumbnails.map(({ key }) => key),
      ['holiday/one/40.webp', 'holiday/one/50x10.webp'],
    );
    for (const { url = '', image: data, sha256, bytes } of thumbnails) {
      assert.equal(data, undefined);
      const response = await fetch(url);
      assert.equal(response.headers.get('content-type'), 'image/webp');
      const stored = Buffer.from(await response.arrayBuffer());
      assert.equal(stored.length, bytes);
      assert.equal(createHash('sha256').update(stored).digest('hex'), sha256);
    }
    const lost = await make({ image }, contextOf(), { ...account, bucketName: 'nowhere' });
    assert.match(lost.error ?? '', /NoSuchBucket/);
    const lacking = await make({ image }, contextOf(), { endpointUrl });
    assert.match(lacking.error ?? '', /^The s3Config lacks accessId, accessSecret, bucketName\.$/);
  } finally {
    await storage.close();
    await rm(directory, { recursive: true });
  }
});
