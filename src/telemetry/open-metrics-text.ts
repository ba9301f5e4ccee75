/**
 * Prometheus's text as OpenMetrics has it: counters are described without the `_total` of their samples, no empty lines, an end.
 * prom-client's own way of writing it renames the counters for good, so that the next plain scrape would miss their `_total`.
 * https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
export function openMetricsText(prometheus: string): string {
  const counters = new Set([...prometheus.matchAll(/^# TYPE (\S+)_total counter$/gm)].map(([, name]) => `${name}_total`));
  const lines = prometheus.split('\n').flatMap((line) => {
    if (line === '') return [];
    const [, word, name, rest] = /^# (HELP|TYPE) (\S+)(.*)$/.exec(line) ?? [];
    return name !== undefined && counters.has(name) ? [`# ${word} ${name.slice(0, -'_total'.length)}${rest}`] : [line];
  });
  return [...lines, '# EOF', ''].join('\n');
}
