#!/usr/bin/env node
/** Starts the command line, and ends its process although Dawn's threads may live on. */
import { existsSync } from 'node:fs';

const cli = new URL('../dist/src/cli/main.js', import.meta.url);

async function start(argv) {
  if (argv[0] === 'setup' && argv.length === 1) return (await import('./setup.js')).setup();
  if (!existsSync(cli)) {
    console.error('wgpu-inferlink is not built: run `node bin/setup.js` in its folder.');
    return 1;
  }
  return (await import(cli.href)).main(argv);
}

let code = 1;
try {
  code = await start(process.argv.slice(2));
} catch (error) {
  console.error(error);
}
process.exitCode = code;
// Dawn's threads may keep the event loop alive; what was printed into a pipe must still get out first.
for (const stream of [process.stdout, process.stderr]) {
  await new Promise((done) => {
    stream.once('error', done);
    stream.write('', done);
  });
}
process.exit();
