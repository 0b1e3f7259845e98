#!/usr/bin/env node
// The machine's own Node may be too old to run TypeScript: hand over to the one that npm installed.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const main = new URL('../src/main.ts', import.meta.url);
if (Number(process.versions.node.split('.')[0]) >= 24) {
  await import(main.href);
} else {
  const manifest = createRequire(import.meta.url).resolve('node/package.json');
  const node = path.join(path.dirname(manifest), 'bin', 'node');
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
}
