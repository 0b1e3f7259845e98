/** The pictures that no package ships: lying on their side, in other formats, and broken. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { CORNERS, type Picture } from './picture.ts';

const SIDE = 1_600;
const ROTATED_PHOTOGRAPHS = 4;
const GIF_PHOTOGRAPHS = 6;

/**
 * How the pixels of an upright picture are stored under each EXIF orientation: the reverse of what
 * a viewer does to show it, by EXIF 2.3, section 4.6.4. Each step is a pass of its own, because
 * sharp has an order of its own within one.
 */
const STORED: Readonly<Record<number, readonly ((picture: Sharp) => Sharp)[]>> = {
  2: [(picture) => picture.flop()],
  3: [(picture) => picture.rotate(180)],
  4: [(picture) => picture.flip()],
  5: [(picture) => picture.rotate(90), (picture) => picture.flop()],
  6: [(picture) => picture.rotate(270)],
  7: [(picture) => picture.rotate(90), (picture) => picture.flip()],
  8: [(picture) => picture.rotate(90)],
};

/** Makes the pictures of `folder` out of the photographs given, which must be JPEG. */
export const makePictures = async (
  photographs: readonly Picture[],
  folder: string,
): Promise<Picture[]> => {
  const made: Picture[] = [];
  for (const [index, photograph] of photographs.slice(0, ROTATED_PHOTOGRAPHS).entries()) {
    made.push(...(await rotate(photograph, path.join(folder, `upright-${index}.png`))));
  }
  const others = photographs.slice(ROTATED_PHOTOGRAPHS);
  for (const photograph of others.slice(0, GIF_PHOTOGRAPHS)) {
    made.push(await convert(photograph, 'gif', folder), await convert(photograph, 'avif', folder));
  }
  const last = others.at(-1);
  if (last === undefined) throw new Error(`${photographs.length} photographs are too few`);
  return [...made, await truncate(last, folder), await writeText(folder)];
};

/** The same photograph, with painted corners, under each orientation. */
const rotate = async (photograph: Picture, upright: string): Promise<Picture[]> => {
  await markCorners(photograph.file, upright);
  const rotations = Object.entries(STORED).map(async ([orientation, steps]) => {
    let pixels = await readFile(upright);
    for (const step of steps) pixels = await step(sharp(pixels)).png().toBuffer();
    const file = upright.replace('.png', `-${orientation}.jpg`);
    const jpeg = sharp(pixels).withMetadata({ orientation: Number(orientation) });
    await jpeg.jpeg({ quality: 90 }).toFile(file);
    return {
      key: `made/${path.basename(file, '.jpg')}`,
      file,
      from: photograph.from,
      isPhotograph: true,
      made: `EXIF orientation ${orientation}`,
      upright,
      isMarked: true,
    };
  });
  return Promise.all(rotations);
};

const markCorners = async (from: string, to: string): Promise<void> => {
  const box = { width: SIDE, height: SIDE, fit: 'inside' } as const;
  const { data, info } = await sharp(from).resize(box).png().toBuffer({ resolveWithObject: true });
  const side = Math.floor(Math.min(info.width, info.height) / 5);
  const marks = Object.entries(CORNERS).map(([gravity, [r, g, b]]) => ({
    input: { create: { width: side, height: side, channels: 3 as const, background: { r, g, b } } },
    gravity,
  }));
  await sharp(data).composite(marks).png().toFile(to);
};

const convert = async (
  photograph: Picture,
  format: 'gif' | 'avif',
  folder: string,
): Promise<Picture> => {
  const key = `made/${path.basename(photograph.key, path.extname(photograph.key))}-${format}`;
  const file = path.join(folder, `${path.basename(key)}.${format}`);
  const small = sharp(photograph.file).resize({ width: 800 });
  await (format === 'gif' ? small.gif() : small.avif({ effort: 2 })).toFile(file);
  return { key, file, from: photograph.from, isPhotograph: true, made: format.toUpperCase() };
};

const truncate = async (photograph: Picture, folder: string): Promise<Picture> => {
  const file = path.join(folder, 'truncated.jpg');
  const whole = await readFile(photograph.file);
  await writeFile(file, whole.subarray(0, Math.floor(whole.length * 0.6)));
  const fails = /^The picture is truncated or damaged and cannot be read: \S.*\.$/;
  const { from } = photograph;
  return { key: 'made/truncated', file, from, isPhotograph: false, made: 'truncated JPEG', fails };
};

const writeText = async (folder: string): Promise<Picture> => {
  const file = path.join(folder, 'text.jpg');
  await writeFile(file, 'This was never a picture.\n');
  const fails = /^This is no picture that can be read \(.+\); it begins with "This was never a"\.$/;
  const made = 'text named .jpg';
  return { key: 'made/text', file, from: 'no package', isPhotograph: false, made, fails };
};
