import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import http from 'node:http';
import { listeningPort } from './listening-port.ts';
import type { Picture } from './picture.ts';

/** A web server of pictures on loopback. */
export type PictureServer = AsyncDisposable & { readonly urlOf: (picture: Picture) => string };

/** Serves each picture under its key, with the ending of its file. */
export const servePictures = async (pictures: readonly Picture[]): Promise<PictureServer> => {
  const pathOf = ({ key, file }: Picture) => `/${key}${/\.\w+$/.exec(file)?.[0] ?? ''}`;
  const files = new Map(pictures.map((picture) => [pathOf(picture), picture.file]));
  const server = http.createServer((request, response) => {
    const file = files.get(request.url ?? '');
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    createReadStream(file)
      .on('error', (error) => response.destroy(error))
      .pipe(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${listeningPort(server)}`;
  return {
    urlOf: (picture) => `${origin}${pathOf(picture)}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
