/** The exposition format of Prometheus, as a system's processes show it: fetched from all of them and read. */
import type { System } from './system.ts';

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export class Exposition {
  readonly samples: Sample[] = [];
  /** Every name a query may use, whether it has a value yet or not. */
  readonly names = new Set<string>();
  /** Each figure by its name, and what it says of itself. */
  readonly kinds = new Map<string, { readonly kind: string; readonly help: string }>();

  /** @throws on a line that is none. */
  read(text: string): void {
    const types = new Set<string>();
    let help = '';
    for (const line of text.split('\n')) {
      if (line === '') continue;
      if (line.startsWith('# HELP ')) {
        help = line.replace(/^# HELP \w+ /, '');
        continue;
      }
      const type = /^# TYPE (\w+) (\w+)$/.exec(line);
      if (type) {
        const [, name = '', kind = ''] = type;
        if (types.has(name)) throw new Error(`${name} is declared twice`);
        types.add(name);
        this.kinds.set(name, { kind, help });
        const parts = kind === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
        for (const part of parts) this.names.add(name + part);
        continue;
      }
      const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
      if (!sample) throw new Error(`not a sample: ${line}`);
      const [, name = '', labels = '', value = ''] = sample;
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [key, text]);
      this.samples.push({ name, labels: Object.fromEntries(pairs), value: Number(value) });
    }
  }

  /** The sum of all samples that have these labels. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const wanted = Object.entries(labels);
    return this.samples
      .filter((sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value))
      .reduce((sum, { value }) => sum + value, 0);
  }
}

/** What Prometheus sees of a system: the API, and whatever the API says is there. */
export async function scrape(system: System): Promise<Exposition> {
  const { body } = await system.api('GET', '/metrics/targets');
  const others: string[] = body.flatMap(({ targets }: { targets: string[] }) => targets);
  const { ACCOUNT_SID, AUTH_TOKEN } = system.stack.account;
  const Authorization = `Basic ${Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString('base64')}`;
  const exposition = new Exposition();
  const urls = [`${system.stack.apiUrl}/metrics`, ...others.map((address) => `http://${address}/metrics`)];
  for (const url of urls) {
    const answer = await fetch(url, { headers: url.startsWith(system.stack.apiUrl) ? { Authorization } : {} });
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
    exposition.read(await answer.text());
  }
  return exposition;
}
