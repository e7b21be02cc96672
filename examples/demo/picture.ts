/**
 * The picture of a call: both waveforms, verbs, streams, marks and digits on one time axis, as SVG.
 * Times are seconds from the left edge; whoever calls decides what second 0 is.
 */

export interface CallPicture {
  readonly title: string;
  readonly subtitle: string;
  readonly seconds: number;
  readonly waves: readonly {
    readonly label: string;
    readonly colour: string;
    readonly samples: Int16Array;
    readonly rate: number;
    readonly fromSeconds: number;
  }[];
  readonly bars: readonly {
    readonly row: string;
    readonly label: string;
    readonly colour: string;
    readonly from: number;
    readonly to: number;
  }[];
  readonly ticks: readonly {
    readonly row: string;
    readonly label: string;
    readonly colour: string;
    readonly at: number;
  }[];
}

const WIDTH = 1400;
const LEFT = 150;
const RIGHT = 30;
const TOP = 84;
const WAVE_HEIGHT = 120;
const ROW_HEIGHT = 30;
const GAP = 14;

export function drawCall(picture: CallPicture): string {
  const scale = (WIDTH - LEFT - RIGHT) / picture.seconds;
  const x = (seconds: number): number => round(LEFT + Math.min(Math.max(seconds, 0), picture.seconds) * scale);
  const parts: string[] = [];
  let y = TOP;
  for (const wave of picture.waves) {
    parts.push(...drawWave(wave, x, y));
    y += WAVE_HEIGHT + GAP;
  }
  for (const row of new Set([...picture.bars, ...picture.ticks].map((item) => item.row))) {
    const bars = picture.bars.filter((bar) => bar.row === row);
    const ticks = picture.ticks.filter((tick) => tick.row === row);
    parts.push(rowLabel(row, y + ROW_HEIGHT / 2 + 5));
    for (const bar of bars) parts.push(...drawBar(bar, x, y));
    for (const tick of ticks) parts.push(...drawTick(tick, x, y));
    y += ROW_HEIGHT + 6;
  }
  const bottom = y + 4;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${bottom + 40}" viewBox="0 0 ${WIDTH} ${bottom + 40}" font-family="DejaVu Sans, sans-serif">`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    text(LEFT, 34, picture.title, 'font-size="20" font-weight="bold" fill="#1f2937"'),
    text(LEFT, 58, picture.subtitle, 'font-size="13" fill="#6b7280"'),
    ...drawAxis(picture.seconds, x, bottom),
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function drawAxis(seconds: number, x: (seconds: number) => number, bottom: number): string[] {
  const step = seconds > 40 ? 5 : seconds > 16 ? 2 : 1;
  const parts: string[] = [];
  for (let second = 0; second <= seconds; second += step) {
    parts.push(`<line x1="${x(second)}" y1="${TOP - 8}" x2="${x(second)}" y2="${bottom}" stroke="#e5e7eb"/>`);
    parts.push(text(x(second), bottom + 20, `${second} s`, 'font-size="12" fill="#6b7280" text-anchor="middle"'));
  }
  return parts;
}

/** One column a pixel: the lowest and highest sample in it, as one closed outline. */
function drawWave(wave: CallPicture['waves'][number], x: (seconds: number) => number, y: number): string[] {
  const middle = y + WAVE_HEIGHT / 2;
  const endSeconds = wave.fromSeconds + wave.samples.length / wave.rate;
  const first = Math.ceil(x(wave.fromSeconds));
  const last = Math.floor(x(endSeconds));
  const upper: string[] = [];
  const lower: string[] = [];
  const samplesPerPixel = wave.samples.length / Math.max(1, last - first);
  for (let pixel = first; pixel < last; pixel++) {
    const [low, high] = extremes(wave.samples, (pixel - first) * samplesPerPixel, samplesPerPixel);
    upper.push(`${pixel},${round(middle - (high / 32_768) * (WAVE_HEIGHT / 2))}`);
    lower.push(`${pixel},${round(middle - (low / 32_768) * (WAVE_HEIGHT / 2))}`);
  }
  return [
    rowLabel(wave.label, middle + 5),
    `<rect x="${LEFT}" y="${y}" width="${WIDTH - LEFT - RIGHT}" height="${WAVE_HEIGHT}" fill="none" stroke="#e5e7eb"/>`,
    `<line x1="${LEFT}" y1="${middle}" x2="${WIDTH - RIGHT}" y2="${middle}" stroke="#d1d5db"/>`,
    `<polygon points="${[...upper, ...lower.reverse()].join(' ')}" fill="${wave.colour}" stroke="${wave.colour}" stroke-width="0.6"/>`,
  ];
}

function extremes(samples: Int16Array, from: number, count: number): [number, number] {
  let low = 0;
  let high = 0;
  const end = Math.min(samples.length, Math.ceil(from + count));
  for (let i = Math.floor(from); i < end; i++) {
    const sample = samples[i] ?? 0;
    if (sample < low) low = sample;
    if (sample > high) high = sample;
  }
  return [low, high];
}

function drawBar(bar: CallPicture['bars'][number], x: (seconds: number) => number, y: number): string[] {
  const width = Math.max(3, round(x(bar.to) - x(bar.from)));
  return [
    `<rect x="${x(bar.from)}" y="${y + 3}" width="${width}" height="${ROW_HEIGHT - 6}" rx="4" fill="${bar.colour}" fill-opacity="0.85"/>`,
    width > bar.label.length * 8 + 10
      ? text(x(bar.from) + 7, y + ROW_HEIGHT / 2 + 5, bar.label, 'font-size="13" fill="#ffffff"')
      : '',
  ].filter((part) => part !== '');
}

function drawTick(tick: CallPicture['ticks'][number], x: (seconds: number) => number, y: number): string[] {
  return [
    `<line x1="${x(tick.at)}" y1="${y + 2}" x2="${x(tick.at)}" y2="${y + ROW_HEIGHT - 2}" stroke="${tick.colour}" stroke-width="2"/>`,
    text(x(tick.at) + 4, y + ROW_HEIGHT / 2 + 4, tick.label, `font-size="11" fill="${tick.colour}"`),
  ];
}

function rowLabel(label: string, y: number): string {
  return text(LEFT - 12, y, label, 'font-size="13" fill="#374151" text-anchor="end"');
}

function text(x: number, y: number, content: string, style: string): string {
  return `<text x="${x}" y="${y}" ${style}>${escapeXml(content)}</text>`;
}

function escapeXml(content: string): string {
  return content.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
