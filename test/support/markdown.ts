/** What a test wants from a page of documentation: its fenced blocks, its sections, its tables and its links. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Block {
  /** The language after the fence; empty when none. */
  readonly language: string;
  readonly text: string;
  /** Heading of level 2 it stands under. */
  readonly section: string;
  /** `docs/streams.md:42`, of the opening fence. */
  readonly place: string;
}

export interface Page {
  readonly file: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  /** Of the page outside its blocks. */
  readonly links: readonly { readonly target: string; readonly place: string }[];
  /** What `#…` may name. */
  readonly anchors: ReadonlySet<string>;
}

/** README.md and docs/*.md of the tree a test runs in. */
export function documentation(): readonly Page[] {
  const docs = readdirSync('docs').filter((name) => name.endsWith('.md'));
  return ['README.md', ...docs.map((name) => `docs/${name}`)].map(readPage);
}

export function readPage(file: string): Page {
  const text = readFileSync(file, 'utf8');
  const blocks: Block[] = [];
  const links: { target: string; place: string }[] = [];
  const anchors = new Set<string>();
  let section = '';
  let open: { language: string; lines: string[]; place: string } | null = null;
  for (const [index, line] of text.split('\n').entries()) {
    const place = `${file}:${index + 1}`;
    const fence = /^```(\w*)\s*$/.exec(line);
    if (fence !== null && open === null) open = { language: fence[1] ?? '', lines: [], place };
    else if (fence !== null && open !== null) {
      blocks.push({ language: open.language, text: open.lines.join('\n'), section, place: open.place });
      open = null;
    } else if (open !== null) open.lines.push(line);
    else {
      const heading = /^(#+)\s+(.*)$/.exec(line);
      if (heading !== null) anchors.add(anchorOf(heading[2] ?? ''));
      if (heading?.[1] === '##') section = heading[2] ?? '';
      for (const link of line.matchAll(/\]\(([^)\s]+)\)/g)) links.push({ target: link[1] ?? '', place });
    }
  }
  if (open !== null) throw new Error(`${open.place} is never closed`);
  return { file, text, blocks, links, anchors };
}

/** As the usual renderers name a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

/** The rows of every table of a section, as cells without their back ticks. */
export function rowsOf(page: Page, section: string): readonly (readonly string[])[] {
  const from = page.text.indexOf(`\n## ${section}\n`);
  const next = page.text.indexOf('\n## ', from + 1);
  if (from < 0) throw new Error(`${page.file} has no section ${section}`);
  return page.text
    .slice(from, next < 0 ? undefined : next)
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[-| ]+\|$/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}
