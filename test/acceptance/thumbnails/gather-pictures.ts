import { choosePictures } from './choose-pictures.ts';
import { makePictures } from './make-pictures.ts';
import type { Picture } from './picture.ts';

/** All pictures of the run; those that no package ships are made in `folder`. */
export const gatherPictures = async (folder: string): Promise<Picture[]> => {
  const shipped = await choosePictures();
  const large = shipped.filter(
    ({ from, isPhotograph, file }) =>
      isPhotograph && file.endsWith('.jpg') && from.startsWith('lomiri-wallpapers'),
  );
  return [...shipped, ...(await makePictures(large, folder))];
};

/** What the set holds: a line for each package, and one for what was made. */
export const describePictures = (pictures: readonly Picture[]): string[] => {
  const groups = Map.groupBy(pictures, ({ from, made }) => (made === undefined ? from : 'made'));
  const width = Math.max(...[...groups.keys()].map((name) => name.length));
  return [...groups].map(([name, group]) => {
    const photographs = group.filter(({ isPhotograph }) => isPhotograph).length;
    const kinds = Map.groupBy(group, ({ made, file }) => made?.split(' ')[0] ?? endingOf(file));
    const counts = [...kinds].map(([kind, files]) => `${kind} ${files.length}`).sort();
    return (
      `${name.padEnd(width)}  ${String(group.length).padStart(3)} pictures, ` +
      `${String(photographs).padStart(3)} photographs: ${counts.join(', ')}`
    );
  });
};

const endingOf = (file: string): string => /\w+$/.exec(file)?.[0] ?? file;
