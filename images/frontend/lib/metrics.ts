/** Counters of this process in the Prometheus text format. */

interface Counters {
  readonly startedSeconds: number;
  readonly apiCalls: Map<number, number>;
  apiSeconds: number;
  readonly pages: Map<string, number>;
}

// Proxy and pages are bundled apart; the counters belong to the process.
const scope = globalThis as typeof globalThis & { streamvaultCounters?: Counters };

function counters(): Counters {
  return (scope.streamvaultCounters ??= {
    startedSeconds: Date.now() / 1000,
    apiCalls: new Map(),
    apiSeconds: 0,
    pages: new Map(),
  });
}

/** `status` 0 means that no answer came. */
export function observeApiCall(status: number, seconds: number): void {
  const known = counters();
  known.apiCalls.set(status, (known.apiCalls.get(status) ?? 0) + 1);
  known.apiSeconds += seconds;
}

export function observePage(outcome: string): void {
  const { pages } = counters();
  pages.set(outcome, (pages.get(outcome) ?? 0) + 1);
}

export function renderMetrics(): string {
  const known = counters();
  const lines = [
    "# TYPE streamvault_frontend_pages_total counter",
    ...[...known.pages].map(([outcome, count]) => `streamvault_frontend_pages_total{outcome="${outcome}"} ${count}`),
    "# TYPE streamvault_frontend_api_calls_total counter",
    ...[...known.apiCalls].map(([status, count]) => `streamvault_frontend_api_calls_total{status="${status}"} ${count}`),
    "# TYPE streamvault_frontend_api_seconds_total counter",
    `streamvault_frontend_api_seconds_total ${known.apiSeconds.toFixed(6)}`,
    "# TYPE process_resident_memory_bytes gauge",
    `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
    "# TYPE process_start_time_seconds gauge",
    `process_start_time_seconds ${known.startedSeconds.toFixed(3)}`,
  ];
  return `${lines.join("\n")}\n`;
}
