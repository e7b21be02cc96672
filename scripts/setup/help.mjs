/** `--help` of a command: told before anything is installed or built. */

/** @param {string} text */
export function help(text) {
  if (!process.argv.slice(2).some((word) => word === '--help' || word === '-h')) return;
  console.log(text);
  process.exit(0);
}
