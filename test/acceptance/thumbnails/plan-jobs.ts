import { open, readFile, stat } from 'node:fs/promises';
import sharp from 'sharp';
import type { Picture } from './picture.ts';
import type { PictureServer } from './serve-pictures.ts';

export const FORMATS = ['jpeg', 'webp', 'png'] as const;
export const LARGE_MIN_PIXELS = 20_000_000;

/** Boxes that the thumbnails must fit in: the number is the longest side. */
const SIDES = [512, 128];
/** More work, so that the progress of the job can be seen. */
const LARGE_SIDES = [2_048, 1_024, 512, 256, 128];
/** The largest body of `/run` is 10,485,760 bytes; base64 makes four bytes out of three. */
const INLINE_MAX_BYTES = 7_800_000;

/** What is asked for one picture. */
export type PlannedJob = {
  readonly picture: Picture;
  readonly way: 'image' | 'url';
  readonly sides: readonly number[];
  readonly format: (typeof FORMATS)[number];
  /** As the picture stands upright; of a broken one unset. */
  readonly seen?: Seen;
};

export type Seen = { readonly width: number; readonly height: number; readonly hasAlpha: boolean };

/** Every picture once: formats in turn, each fourth and each large one by URL. */
export const planJobs = (pictures: readonly Picture[]): Promise<PlannedJob[]> =>
  Promise.all(
    pictures.map(async (picture, index) => {
      const seen = picture.fails === undefined ? await lookAt(picture) : undefined;
      const isLarge = seen !== undefined && seen.width * seen.height > LARGE_MIN_PIXELS;
      const isLong = (await stat(picture.file)).size > INLINE_MAX_BYTES;
      return {
        picture,
        way: isLarge || isLong || index % 4 === 0 ? 'url' : 'image',
        sides: isLarge ? LARGE_SIDES : SIDES,
        format: FORMATS[index % FORMATS.length] ?? 'jpeg',
        ...(seen === undefined ? {} : { seen }),
      };
    }),
  );

const lookAt = async ({ file, upright = file }: Picture): Promise<Seen> => {
  const { autoOrient, hasAlpha } = await sharp(upright).metadata();
  return { ...autoOrient, hasAlpha };
};

/** Writes the inputs of all jobs to `file`, one on a line. @returns its bytes. */
export const writeInputs = async (
  jobs: readonly PlannedJob[],
  server: PictureServer,
  file: string,
): Promise<number> => {
  await using handle = await open(file, 'w', 0o600);
  for (const { picture, way, sides, format } of jobs) {
    const source =
      way === 'url'
        ? { url: server.urlOf(picture) }
        : { image: (await readFile(picture.file)).toString('base64') };
    const sizes = sides.map((side) => ({ width: side, height: side }));
    const input = { ...source, sizes, format, key: picture.key };
    await handle.write(`${JSON.stringify(input)}\n`);
  }
  return (await handle.stat()).size;
};
