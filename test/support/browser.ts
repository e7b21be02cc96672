/** The system's Chromium, driven without any download; null, said loudly, where there is none. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import type { Owner } from './suite.ts';

const programs = ['chromium', 'chromium-browser', 'google-chrome'];
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function openBrowser(owner: Owner): Promise<Browser | null> {
  const executablePath = installed();
  if (executablePath === null) {
    console.log(`\n!!! None of ${programs.join(', ')} is installed: the tests in a browser are SKIPPED.\n`);
    return null;
  }
  const browser = await chromium.launch({ executablePath, args: flags });
  owner.after(() => browser.close());
  return browser;
}

function installed(): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    for (const program of programs) {
      const file = path.join(folder, program);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // Not here.
      }
    }
  }
  return null;
}
