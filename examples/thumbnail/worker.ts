import { start } from '@switchyard/worker';
import sharp from 'sharp';
import { makeThumbnails } from './make-thumbnails.ts';

// One thread a picture: several jobs at once use the cores better than one job on all of them.
sharp.concurrency(1);
// The pictures of two jobs have nothing in common.
sharp.cache(false);

start({ handler: makeThumbnails });
