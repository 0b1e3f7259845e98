import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';

type S3rver = new (
  options: object,
) => {
  run: () => Promise<AddressInfo>;
  close: () => Promise<void>;
};
const require = createRequire(import.meta.url);
const Server: S3rver = require('s3rver');

const BUCKET = 'pictures';

/** An S3 server on loopback with one bucket. */
export type Storage = AsyncDisposable & {
  readonly s3Config: Readonly<Record<string, string>>;
  /** The object of `key` as the server gives it out; undefined when it has none. */
  readonly fetchObject: (key: string) => Promise<Buffer | undefined>;
};

/** Starts it with a folder of its own, removed at the end. */
export const startStorage = async (): Promise<Storage> => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'switchyard-s3-'));
  const server = new Server({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory,
    vhostBuckets: false,
    configureBuckets: [{ name: BUCKET, configs: [] }],
  });
  const endpointUrl = `http://127.0.0.1:${(await server.run()).port}`;
  return {
    // The one account that this server knows.
    s3Config: { accessId: 'S3RVER', accessSecret: 'S3RVER', bucketName: BUCKET, endpointUrl },
    fetchObject: async (key) => {
      const response = await fetch(`${endpointUrl}/${BUCKET}/${key}`);
      const body = Buffer.from(await response.arrayBuffer());
      return response.ok ? body : undefined;
    },
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await rm(directory, { recursive: true });
    },
  };
};
