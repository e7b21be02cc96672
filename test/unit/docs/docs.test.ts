/** The documentation says what is so: its examples go through the code, its tables are compared with it, its links lead somewhere. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { endpoints } from '../../../api/routes/all.ts';
import { openTwimlParser } from '../../../shared/twiml/twiml-parser.ts';
import { type Block, documentation, type Page } from '../../support/markdown.ts';

const pages = documentation();
const blocksOf = (language: string): Block[] =>
  pages.flatMap(({ blocks }) => blocks.filter((block) => block.language === language));

const parser = openTwimlParser();
after(() => parser.close());

/** Problems in each dialect, as one would read them. */
async function problemsOf(twiml: string) {
  const read = async (dialect: 'pivot' | 'twilio') => {
    const parsed = await parser.parse(twiml, { dialect, baseUrl: 'https://app.example/voice', allowInsecureWs: true });
    const problems = parsed.kind === 'refused' ? parsed.problems : parsed.warnings;
    return { refused: parsed.kind === 'refused', problems: problems.map(({ line, message }) => `${line}: ${message}`) };
  };
  return [await read('pivot'), await read('twilio')];
}

/** `curl` commands: method, path and the body of `-d`. */
interface Command {
  readonly method: string;
  readonly path: string;
  readonly body: string | null;
  readonly place: string;
}

function curls({ text, place }: Block): Command[] {
  const commands = text.replace(/\\\n/g, ' ').matchAll(/^curl (?:'[^']*'|[^\n'])*/gm);
  return [...commands].map(([command]) => {
    const body = / -d '([^']*)'/.exec(command)?.[1] ?? null;
    const method = / -X (\w+)/.exec(command)?.[1] ?? (body === null ? 'GET' : 'POST');
    return { method, path: /(?:https?:\/\/[^/\s]+|\$API)(\/\S*)/.exec(command)?.[1] ?? '', body, place };
  });
}

const endpointOf = (method: string, asked: string) =>
  endpoints.find(
    (endpoint) =>
      endpoint.method === method.toLowerCase() &&
      new RegExp(`^${endpoint.path.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]+')}$`).test(
        asked.replace(/\?.*$/, ''),
      ),
  );

describe('documents in the documentation', () => {
  const documents = blocksOf('xml');

  it('are there', () => assert.ok(documents.length >= 3));

  for (const { text, place } of documents) {
    it(`are accepted in both dialects, and without a warning in one: ${place}`, async () => {
      const verdicts = await problemsOf(text);
      for (const { refused, problems } of verdicts) assert.equal(refused, false, problems.join('\n'));
      assert.ok(
        verdicts.some(({ problems }) => problems.length === 0),
        JSON.stringify(verdicts),
      );
    });
  }
});

describe('curl lines in the documentation', () => {
  const commands = blocksOf('sh').flatMap(curls);

  it('are found', () => assert.ok(commands.length >= 2));

  for (const { method, path: asked, body, place } of commands) {
    it(`ask what the API takes: ${method} ${asked}, ${place}`, async () => {
      const endpoint = endpointOf(method, asked);
      assert.ok(endpoint, 'there is such a route');
      if (body === null) return;
      const fields: unknown = JSON.parse(body);
      const read = endpoint.body?.safeParse(fields);
      assert.equal(read?.success, true, read?.error?.message);
      if (typeof fields !== 'object' || fields === null || !('twiml' in fields)) return;
      for (const { problems } of await problemsOf(String(fields.twiml))) assert.deepEqual(problems, []);
    });
  }
});

describe('JSON in the documentation', () => {
  for (const { text, place } of blocksOf('json')) {
    it(`parses: ${place}`, () => assert.doesNotThrow(() => JSON.parse(text)));
  }
});

describe('routes in the documentation', () => {
  it('exist', () => {
    const named = pages.flatMap(({ file, text }) =>
      [...text.matchAll(/`((?:(?:GET|POST|PUT|PATCH|DELETE),? ?)+)(\/[\w/:.-]+)/g)].map(
        ([, methods = '', asked = '']) => ({
          file,
          methods: methods.match(/[A-Z]+/g) ?? [],
          asked,
        }),
      ),
    );
    assert.ok(named.length > 10);
    for (const { file, methods, asked } of named) {
      for (const method of methods) assert.ok(endpointOf(method, asked), `${file}: ${method} ${asked}`);
    }
  });
});

describe('links in the documentation', () => {
  const byFile = new Map<string, Page>(pages.map((page) => [page.file, page]));

  it('lead to a file that is there, and to a heading of it', () => {
    const broken = pages.flatMap(({ file, links }) =>
      links
        .filter(({ target }) => !/^[a-z]+:/.test(target))
        .filter(({ target }) => {
          const [name = '', anchor] = target.split('#');
          const there = name === '' ? file : path.posix.join(path.posix.dirname(file), name);
          if (!existsSync(there)) return true;
          return anchor !== undefined && byFile.get(there)?.anchors.has(anchor) === false;
        })
        .map(({ target, place }) => `${place}: ${target}`),
    );
    assert.deepEqual(broken, []);
  });

  it('are there for every page', () => {
    const linked = new Set(
      pages.flatMap(({ links }) => links.map(({ target }) => path.posix.basename(target.replace(/#.*/, '')))),
    );
    for (const { file } of pages) {
      if (file !== 'README.md') assert.ok(linked.has(path.posix.basename(file)), `${file} is linked from nowhere`);
    }
  });
});

describe('settings in the documentation', () => {
  it('are settings', () => {
    const settings = readFileSync('.env.example', 'utf8');
    for (const { file, text } of pages) {
      for (const [, name = ''] of text.matchAll(/`([A-Z]{2,}(?:_[A-Z]+)+)`/g)) {
        assert.match(settings, new RegExp(`^#? ?${name}=`, 'm'), `${file}: ${name}`);
      }
    }
  });
});
