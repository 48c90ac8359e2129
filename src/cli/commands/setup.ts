/** `setup`: what `npm start` does before it runs. The launcher does it by itself where nothing is built yet. */
import type { Command } from "../command.js";

const SCRIPT = new URL("../../../../bin/setup.js", import.meta.url);

export const setupCommand: Command = {
  flags: {},
  describe: (y) => y.usage("$0 setup\n\nDoes nothing where an adapter is found. On Linux it installs Mesa's lavapipe through apt as root on Debian or Ubuntu, and\notherwise unpacks SwiftShader into the cache folder."),
  async run() {
    const { setup } = (await import(SCRIPT.href)) as { setup(): Promise<number> | number };
    return setup();
  },
};
