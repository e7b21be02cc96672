/** SVG → PNG with a font of our own, so that the picture looks the same on every machine. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { initWasm, Resvg } from '@resvg/resvg-wasm';

const resolve = createRequire(import.meta.url).resolve;

/** The picture at its own size. */
export async function svgToPng(svg: string): Promise<Uint8Array> {
  await initWasm(readFileSync(resolve('@resvg/resvg-wasm/index_bg.wasm')));
  const fonts = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((name) =>
    readFileSync(resolve(`dejavu-fonts-ttf/ttf/${name}`)),
  );
  const picture = new Resvg(svg, {
    font: { fontBuffers: fonts, defaultFontFamily: 'DejaVu Sans', loadSystemFonts: false },
  });
  return picture.render().asPng();
}
