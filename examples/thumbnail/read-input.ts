/** What a client may ask of the thumbnail worker. */
import { PictureError } from './picture-error.ts';

export const FORMATS = ['jpeg', 'webp', 'png'] as const;
export type Format = (typeof FORMATS)[number];
/** The box that a thumbnail must fit in, in pixels; without a height only the width counts. */
export type Size = { readonly width: number; readonly height?: number };
export type ThumbnailInput = {
  readonly picture: { readonly bytes: Buffer } | { readonly url: URL };
  readonly sizes: readonly Size[];
  readonly format: Format;
  /** Where the thumbnails go in the bucket: the keys are `key/WIDTH.jpg`. */
  readonly key: string | undefined;
};

const DEFAULT_SIZES: readonly Size[] = [{ width: 128 }, { width: 512 }];
const SIZES_MAX = 20;
const SIDE_MAX = 4_096;
const KEY_MAX = 512;
const KEYS = ['image', 'url', 'sizes', 'format', 'key'];

/**
 * The request in a job's input.
 * @throws PictureError that names the field, what it must be and what it is.
 */
export const readInput = (input: unknown): ThumbnailInput => {
  if (!isRecord(input)) throw new PictureError(`The input must be an object; got ${show(input)}.`);
  const unknown = Object.keys(input).find((name) => !KEYS.includes(name));
  if (unknown !== undefined) {
    throw new PictureError(`The input has an unknown field ${show(unknown)}.`);
  }
  return {
    picture: readPicture(input.image, input.url),
    sizes: readSizes(input.sizes),
    format: readFormat(input.format),
    key: readKey(input.key),
  };
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const readPicture = (image: unknown, url: unknown): ThumbnailInput['picture'] => {
  if ((image === undefined) === (url === undefined)) {
    throw new PictureError('The input must have either image (base64) or url, and not both.');
  }
  return image === undefined ? { url: readUrl(url) } : { bytes: readBase64(image) };
};

const readUrl = (url: unknown): URL => {
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new PictureError(`url must be an http or https URL; got ${show(url)}.`);
  }
  return parsed;
};

const readBase64 = (image: unknown): Buffer => {
  const text =
    typeof image === 'string'
      ? image.replace(/^data:[^,]{0,100};base64,/, '').replace(/\s+/g, '')
      : '';
  if (text === '' || !/^[\w+/-]+={0,2}$/.test(text)) {
    throw new PictureError(`image must be base64; got ${show(image)}.`);
  }
  return Buffer.from(text, 'base64');
};

const readSizes = (sizes: unknown): readonly Size[] => {
  if (sizes === undefined) return DEFAULT_SIZES;
  if (!Array.isArray(sizes) || sizes.length === 0 || sizes.length > SIZES_MAX) {
    throw new PictureError(`sizes must be a list of 1 to ${SIZES_MAX} sizes; got ${show(sizes)}.`);
  }
  return sizes.map((size: unknown, index) => {
    if (!isRecord(size)) {
      throw new PictureError(`sizes.${index} must be {width, height?}; got ${show(size)}.`);
    }
    const width = readSide(size.width, `sizes.${index}.width`);
    if (size.height === undefined) return { width };
    return { width, height: readSide(size.height, `sizes.${index}.height`) };
  });
};

const readSide = (side: unknown, field: string): number => {
  if (typeof side === 'number' && Number.isInteger(side) && side >= 1 && side <= SIDE_MAX) {
    return side;
  }
  throw new PictureError(`${field} must be a whole number, 1 to ${SIDE_MAX}; got ${show(side)}.`);
};

const readFormat = (format: unknown): Format => {
  const found = FORMATS.find((one) => one === (format ?? 'jpeg'));
  if (found !== undefined) return found;
  throw new PictureError(`format must be one of ${FORMATS.join(', ')}; got ${show(format)}.`);
};

const readKey = (key: unknown): string | undefined => {
  if (key === undefined) return undefined;
  if (typeof key === 'string' && key.length >= 1 && key.length <= KEY_MAX) return key;
  throw new PictureError(`key must be a text of 1 to ${KEY_MAX} characters; got ${show(key)}.`);
};

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
};
