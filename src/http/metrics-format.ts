import type { MetricsFormat } from '../telemetry/metrics.js';

const OPEN_METRICS = 'application/openmetrics-text';

/**
 * The form of metrics that `Accept` asks for. Whoever names neither form gets Prometheus's text, as scrapers expect; a refusal would help
 * nobody. https://prometheus.io/docs/instrumenting/content_negotiation/
 */
export function metricsFormat(accept: string | undefined): MetricsFormat {
  const wishes = (accept ?? '').split(',').map(readWish);
  const wanted = (name: string) => Math.max(0, ...wishes.filter((wish) => wish.name === name).map(({ quality }) => quality));
  const open = wanted(OPEN_METRICS);
  return open > 0 && open >= wanted('text/plain') ? 'open-metrics' : 'prometheus';
}

function readWish(range: string): { name: string; quality: number } {
  const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
  const version = parameters.find((parameter) => parameter.startsWith('version='))?.slice('version='.length);
  const q = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1');
  // The first draft of OpenMetrics, 0.0.1, is read by none of today's scrapers that would not read 1.0.0, too.
  const isSpoken = name !== OPEN_METRICS || version === undefined || version.startsWith('1.');
  return { name, quality: isSpoken && Number.isFinite(q) ? q : 0 };
}
