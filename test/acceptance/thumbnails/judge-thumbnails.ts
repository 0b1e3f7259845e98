/** Compares what lies in the bucket with what was asked for and with the picture itself. */
import { createHash } from 'node:crypto';
import sharp, { type Sharp } from 'sharp';
import { CORNERS } from './picture.ts';
import type { PlannedJob, Seen } from './plan-jobs.ts';
import type { Output, Uploaded } from './read-output.ts';
import type { Storage } from './start-storage.ts';

/** Pictures are compared as this many pixels a side. */
const GRID = 16;
/** How far samples (0 to 255) may be off: on average over the grid, and in a painted corner. */
const GRID_DIFFERENCE_MAX = 6;
/** A drawing is drawn anew at each size, and what is thinner than a pixel comes out otherwise. */
const DRAWING_DIFFERENCE_MAX = 40;
const CORNER_DIFFERENCE_MAX = 40;

/** The job of a picture that is whole. */
export type SeenJob = PlannedJob & { readonly seen: Seen };

/** Whether what is see-through in the picture must be so in its thumbnails. */
export const keepsAlpha = ({ seen, format }: SeenJob): boolean =>
  seen.hasAlpha && format !== 'jpeg';

/** What is wrong with the thumbnails of one job: a sentence each. None: all is as asked. */
export const judgeThumbnails = async (
  job: SeenJob,
  output: Output,
  storage: Storage,
): Promise<string[]> => {
  const { seen, sides, picture } = job;
  const faults: string[] = [];
  if (output.width !== seen.width || output.height !== seen.height) {
    faults.push(`said ${output.width}x${output.height}, is ${seen.width}x${seen.height}`);
  }
  if (output.thumbnails.length !== sides.length) {
    faults.push(`${output.thumbnails.length} thumbnails of ${sides.length}`);
  }
  const original = await gridOf(picture.upright ?? picture.file, job);
  for (const [index, thumbnail] of output.thumbnails.entries()) {
    const bytes = await storage.fetchObject(thumbnail.key);
    if (bytes === undefined) {
      faults.push(`${thumbnail.key} is not in the bucket`);
      continue;
    }
    faults.push(
      ...judgeBytes(thumbnail, bytes),
      ...(await judgeSize(job, sides[index] ?? 0, thumbnail, bytes)),
      ...(await judgePixels(job, original, bytes)),
    );
  }
  return faults.map((fault) => `${picture.key}: ${fault}`);
};

const judgeBytes = (thumbnail: Uploaded, bytes: Buffer): string[] => {
  const faults: string[] = [];
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== thumbnail.sha256) faults.push(`sha256 ${sha256}, said ${thumbnail.sha256}`);
  if (bytes.length !== thumbnail.bytes) {
    faults.push(`${bytes.length} bytes, said ${thumbnail.bytes}`);
  }
  return faults;
};

const judgeSize = async (
  { seen, format, picture }: SeenJob,
  side: number,
  thumbnail: Uploaded,
  bytes: Buffer,
): Promise<string[]> => {
  const { width, height, ...metadata } = await sharp(bytes).metadata();
  const faults: string[] = [];
  if (!thumbnail.key.startsWith(`${picture.key}/`)) faults.push(`lies at ${thumbnail.key}`);
  if (metadata.format !== format) faults.push(`is ${metadata.format}, asked for ${format}`);
  if (width !== thumbnail.width || height !== thumbnail.height) {
    faults.push(`is ${width}x${height}, said ${thumbnail.width}x${thumbnail.height}`);
  }
  if ((metadata.orientation ?? 1) !== 1) faults.push(`is still to be turned`);
  const longest = Math.min(side, Math.max(seen.width, seen.height));
  if (Math.max(width, height) !== longest) {
    faults.push(`longest side ${Math.max(width, height)}, asked for ${longest}`);
  }
  const scale = longest / Math.max(seen.width, seen.height);
  if (Math.abs(width - seen.width * scale) > 1 || Math.abs(height - seen.height * scale) > 1) {
    faults.push(`${width}x${height} has not the shape of ${seen.width}x${seen.height}`);
  }
  return faults;
};

const judgePixels = async (job: SeenJob, original: Grid, bytes: Buffer): Promise<string[]> => {
  const { picture } = job;
  const grid = await gridOf(bytes, job);
  const faults: string[] = [];
  const most = picture.file.endsWith('.svg') ? DRAWING_DIFFERENCE_MAX : GRID_DIFFERENCE_MAX;
  const colours = meanDifference(original.colours, grid.colours);
  if (colours > most) faults.push(`colours are ${colours.toFixed(1)} off`);
  if (original.alpha !== undefined && grid.alpha !== undefined) {
    const alpha = meanDifference(original.alpha, grid.alpha);
    if (alpha > most) faults.push(`its alpha is ${alpha.toFixed(1)} off`);
  }
  if (picture.isMarked === true) faults.push(...(await judgeCorners(bytes)));
  return faults;
};

/** The colours as they look on white, and the alpha: GRID by GRID samples of each channel. */
type Grid = { readonly colours: Buffer; readonly alpha?: Buffer };

/** A pass for each, because sharp would make the picture small before it makes it opaque. */
const gridOf = async (input: string | Buffer, job: SeenJob): Promise<Grid> => {
  const onWhite = sharp(input).flatten({ background: 'white' }).toColourspace('srgb');
  const colours = await samplesOf(onWhite);
  if (!keepsAlpha(job)) return { colours };
  return { colours, alpha: await samplesOf(sharp(input).ensureAlpha().extractChannel('alpha')) };
};

const samplesOf = async (image: Sharp): Promise<Buffer> => {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const whole = sharp(data, { raw: { width, height, channels } });
  const size = { width: GRID, height: GRID, fit: 'fill' } as const;
  return channels === 1
    ? await whole.resize(size).toColourspace('b-w').raw().toBuffer()
    : await whole.resize(size).raw().toBuffer();
};

const meanDifference = (left: ArrayLike<number>, right: ArrayLike<number>): number =>
  Array.from(left).reduce((sum, value, index) => sum + Math.abs(value - (right[index] ?? 0)), 0) /
  left.length;

const judgeCorners = async (bytes: Buffer): Promise<string[]> => {
  const image = sharp(bytes).toColourspace('srgb').removeAlpha().raw();
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  const inset = Math.floor(Math.min(info.width, info.height) / 10);
  const [left, right, top, bottom] = [
    inset,
    info.width - 1 - inset,
    inset,
    info.height - 1 - inset,
  ];
  const places = {
    northwest: [left, top],
    northeast: [right, top],
    southeast: [right, bottom],
    southwest: [left, bottom],
  } as const satisfies Record<keyof typeof CORNERS, readonly [number, number]>;
  return Object.entries(CORNERS).flatMap(([corner, colour]) => {
    const [x, y] = places[corner as keyof typeof CORNERS];
    const at = (y * info.width + x) * info.channels;
    const found = [...data.subarray(at, at + 3)];
    return meanDifference(colour, found) <= CORNER_DIFFERENCE_MAX
      ? []
      : [`its ${corner} corner is ${found.join(',')} instead of ${colour.join(',')}`];
  });
};
