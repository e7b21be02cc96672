/** Every query of the Grafana dashboard and of the alert rules, with where it stands. */
import { readFileSync } from 'node:fs';

export interface PlacedQuery {
  readonly place: string;
  readonly expr: string;
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

export function dashboardQueries(): readonly PlacedQuery[] {
  const { panels, annotations } = JSON.parse(readFileSync('docs/grafana/pivot-streams.json', 'utf8'));
  const ofPanels = (panels as readonly Panel[]).flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ place: title, expr })),
  );
  return [...ofPanels, ...annotations.list.map((one: { name: string; expr: string }) => ({ ...one, place: one.name }))];
}

/** The rules are a line each: no more of YAML is needed. */
export function alertQueries(): readonly PlacedQuery[] {
  const text = readFileSync('docs/prometheus/alerts.yml', 'utf8');
  return [...text.matchAll(/- alert: (\w+)\n\s+expr: (.+)\n/g)].map(([, place = '', expr = '']) => ({ place, expr }));
}
