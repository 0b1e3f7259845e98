#!/usr/bin/env node
// The machine's own Node may be too old to run TypeScript: hand over to the one that npm installed.
import { spawn } from 'node:child_process';
import module from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

if (Number(process.versions.node.split('.')[0]) >= 24) {
  // A third of a start is compilation. What was compiled is kept beside the code, so that only who
  // may change the code may write there; processes that this one starts find it by the variable.
  const cache = new URL('../node_modules/.cache/switchyard', import.meta.url);
  // biome-ignore lint/style/noProcessEnv: it is for Node, and no configuration of ours.
  process.env.NODE_COMPILE_CACHE ??= fileURLToPath(cache);
  module.enableCompileCache();
  await import('../src/main.ts');
} else {
  const manifest = module.createRequire(import.meta.url).resolve('node/package.json');
  const node = path.join(path.dirname(manifest), 'bin', 'node');
  const args = [fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
}
