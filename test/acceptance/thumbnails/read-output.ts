/** What a thumbnail job said of the thumbnails that it uploaded. */
export type Output = {
  readonly format: string;
  readonly width: number;
  readonly height: number;
  readonly thumbnails: readonly Uploaded[];
};

export type Uploaded = {
  readonly key: string;
  readonly width: number;
  readonly height: number;
  readonly format: string;
  readonly bytes: number;
  readonly sha256: string;
};

/** The output of a completed job; undefined when it has not the shape that the README tells. */
export const readOutput = (output: unknown): Output | undefined => {
  const format = fieldOf(output, 'format');
  const width = fieldOf(output, 'width');
  const height = fieldOf(output, 'height');
  const list = fieldOf(output, 'thumbnails');
  if (typeof format !== 'string' || typeof width !== 'number' || typeof height !== 'number') return;
  if (!Array.isArray(list)) return;
  const thumbnails = list.map(readUploaded).filter((one) => one !== undefined);
  return thumbnails.length === list.length ? { format, width, height, thumbnails } : undefined;
};

const readUploaded = (value: unknown): Uploaded | undefined => {
  const key = fieldOf(value, 'key');
  const width = fieldOf(value, 'width');
  const height = fieldOf(value, 'height');
  const format = fieldOf(value, 'format');
  const bytes = fieldOf(value, 'bytes');
  const sha256 = fieldOf(value, 'sha256');
  if (typeof width !== 'number' || typeof height !== 'number') return;
  if (typeof bytes !== 'number' || typeof sha256 !== 'string') return;
  if (typeof key !== 'string' || typeof format !== 'string') return;
  return { key, width, height, format, bytes, sha256 };
};

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
