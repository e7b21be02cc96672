/** Opens a tracer when there is somewhere to send traces to; else OpenTelemetry is not even loaded. */
import type { Tracer } from './tracer.ts';

export interface TracingSettings {
  /** `http://collector:4318`; the other OTEL_ variables are read by OpenTelemetry itself. */
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
}

/** `service`: api, gateway or worker. Closed by whoever opened it. */
export async function openTracer(service: string, settings: TracingSettings): Promise<Tracer | null> {
  if (settings.OTEL_EXPORTER_OTLP_ENDPOINT === undefined) return null;
  const { createTracer } = await import('./otel.ts');
  return createTracer(service);
}
