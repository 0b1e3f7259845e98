/** The work: one picture in, thumbnails out, to the client or into its bucket. */
import { createHash } from 'node:crypto';
import { type Context, type Handler, type Job, S3Error, s3 } from '@switchyard/worker';
import sharp, { type Metadata, type Sharp } from 'sharp';
import { fetchPicture } from './fetch-picture.ts';
import { PictureError } from './picture-error.ts';
import { type Format, readInput, type Size, type ThumbnailInput } from './read-input.ts';

const PIXELS_MAX = 268_000_000;
/** The longest side that every output format can hold. */
const HEIGHT_MAX = 16_383;
const DECODE_TIMEOUT_SECONDS = 120;
const READABLE = 'JPEG, PNG, WebP, GIF, SVG, AVIF, TIFF';
const EXTENSIONS = { jpeg: 'jpg', webp: 'webp', png: 'png' } as const satisfies Record<
  Format,
  string
>;

/** A thumbnail as it was made. */
type Made = { readonly bytes: Buffer; readonly width: number; readonly height: number };
/** Puts a thumbnail where the client gets it; what that adds to the output. */
type Deliver = (made: Made, size: Size) => Promise<Readonly<Record<string, string>>>;

/**
 * Makes the thumbnails that `job.input` asks for (README.md). What is wrong with the request or
 * the picture fails the job with a sentence; anything else that is thrown is a defect.
 */
export const makeThumbnails: Handler = async (job, context) => {
  try {
    return await work(job, context);
  } catch (thrown) {
    if (thrown instanceof PictureError || thrown instanceof S3Error) {
      return { error: thrown.message };
    }
    throw thrown;
  }
};

const work = async (job: Job, { signal, progress }: Context) => {
  const input = readInput(job.input);
  const deliver = deliveryOf(job, input, signal);
  const { picture, sizes, format } = input;
  const bytes = 'url' in picture ? await fetchPicture(picture.url, signal) : picture.bytes;
  const measured = await measure(bytes);
  const thumbnails: Readonly<Record<string, unknown>>[] = [];
  for (const size of sizes) {
    signal.throwIfAborted();
    const made = await shrink(bytes, size, format);
    const where = await deliver(made, size);
    const sha256 = createHash('sha256').update(made.bytes).digest('hex');
    const { width, height } = made;
    thumbnails.push({ width, height, format, bytes: made.bytes.length, sha256, ...where });
    progress({ done: thumbnails.length, of: sizes.length });
  }
  return { ...measured, thumbnails };
};

/** Into the bucket that came with the job, or else into the output. */
const deliveryOf = (job: Job, { key, format }: ThumbnailInput, signal: AbortSignal): Deliver => {
  if (job.s3Config === undefined) {
    return async ({ bytes }) => ({ image: bytes.toString('base64') });
  }
  const storage = s3(job);
  const folder = key ?? `thumbnails/${job.id}`;
  return async ({ bytes }, { width, height }) => {
    const box = height === undefined ? `${width}` : `${width}x${height}`;
    const place = `${folder}/${box}.${EXTENSIONS[format]}`;
    const contentType = `image/${format}`;
    return { key: place, ...(await storage.upload(place, bytes, { contentType, signal })) };
  };
};

const open = (bytes: Buffer): Sharp =>
  sharp(bytes, { failOn: 'truncated', limitInputPixels: PIXELS_MAX }).timeout({
    seconds: DECODE_TIMEOUT_SECONDS,
  });

/** What the picture is, its sides as they stand when it is turned the right way up. */
const measure = async (bytes: Buffer) => {
  const metadata = await explain(bytes, () => open(bytes).metadata());
  const { width, height } = metadata.autoOrient;
  if (width * height > PIXELS_MAX) {
    throw new PictureError(
      `The picture has ${width} x ${height} pixels; at most ${PIXELS_MAX} pixels are read.`,
    );
  }
  return { format: formatOf(metadata), width, height };
};

/** sharp names the container of AVIF, which others share. */
const formatOf = ({ format, compression }: Metadata): string =>
  format === 'heif' && compression === 'av1' ? 'avif' : format;

/** A thumbnail that fits in `size`, turned upright, never larger than the picture itself. */
const shrink = (bytes: Buffer, size: Size, format: Format): Promise<Made> =>
  explain(bytes, async () => {
    const { width, height = HEIGHT_MAX } = size;
    const resized = open(bytes)
      .autoOrient()
      .resize({ width, height, fit: 'inside', withoutEnlargement: true });
    // JPEG knows no transparency: what is see-through becomes white instead of black.
    const ready = format === 'jpeg' ? resized.flatten({ background: 'white' }) : resized;
    const { data, info } = await ready.toFormat(format).toBuffer({ resolveWithObject: true });
    return { bytes: data, width: info.width, height: info.height };
  });

/** Runs `read`; what libvips has against the picture becomes a sentence for its owner. */
const explain = async <Value>(bytes: Buffer, read: () => Promise<Value>): Promise<Value> => {
  try {
    return await read();
  } catch (cause) {
    throw new PictureError(sentenceFor(bytes, cause), { cause });
  }
};

const sentenceFor = (bytes: Buffer, cause: unknown): string => {
  const message = cause instanceof Error ? cause.message : String(cause);
  const reason = (message.split('\n').find((line) => line.trim() !== '') ?? '').trim();
  if (/unsupported image format/i.test(message)) {
    const start = JSON.stringify(bytes.toString('latin1', 0, 16));
    return `This is no picture that can be read (${READABLE}); it begins with ${start}.`;
  }
  if (/exceeds pixel limit/i.test(message)) {
    return `The picture has too many pixels: at most ${PIXELS_MAX} are read.`;
  }
  return `The picture is truncated or damaged and cannot be read: ${reason.replace(/\.$/, '')}.`;
};
