import path from 'node:path';
import { listPictures, openPackages } from '../support/debian-packages.ts';
import { keyOf, type Picture } from './picture.ts';

/** Which files of a package are sent (default all), and which of those a camera took. */
type Choice = { readonly sent?: RegExp; readonly photographs: RegExp };

const NONE = /(?!)/;

/** Told apart by hand, from what the pictures show. */
const PLASMA_PHOTOGRAPHS = [
  ...['BytheWater', 'ColdRipple', 'ColorfulCups', 'DarkestHour', 'EveningGlow', 'FallenLeaf'],
  ...['Grey', 'OneStandsOut', 'Path', 'summer_1am'],
].join('|');

const PACKAGES: Readonly<Record<string, Choice>> = {
  'gnome-backgrounds': { photographs: NONE },
  'lomiri-wallpapers-16.04': { photographs: /./ },
  'lomiri-wallpapers-20.04': { photographs: /Kleiber/ },
  'mate-backgrounds': { photographs: /\/nature\/.*\.jpg$/ },
  'plasma-workspace-wallpapers': { photographs: new RegExp(`/(?:${PLASMA_PHOTOGRAPHS})/`) },
  // Animals and plants, cut out of photographs along their outline: PNG with alpha. The package
  // keeps its drawings in folders of their own.
  'tuxpaint-stamps-default': {
    sent: /stamps\/(?:animals|food|plants)\/(?!.*(?:cartoon|plastic|toys)\/).*\.png$/,
    photographs: /./,
  },
  'ukui-wallpapers': { photographs: NONE },
};

/** Every picture of the set as its Debian package ships it. */
export const choosePictures = async (): Promise<Picture[]> => {
  const packages = await openPackages(Object.keys(PACKAGES));
  const chosen = packages.map(async (one) => {
    const { sent = /./, photographs = NONE } = PACKAGES[one.name] ?? {};
    const files = (await listPictures(one)).filter((file) => sent.test(file));
    return files.map((file) => ({
      key: keyOf(one.name, file),
      file: path.join(one.folder, file),
      from: one.name,
      isPhotograph: photographs.test(file),
    }));
  });
  return (await Promise.all(chosen)).flat();
};
