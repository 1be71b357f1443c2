/** What to do when a film stops: pure decisions over what the server said and what was already tried. */

import { isTakedown } from "@/lib/takedown";

export type Cause = "network" | "expired" | "missing" | "gone" | "busy" | "format";
export type Failure = "network" | "refused" | "gone" | "missing" | "busy" | "format";

export type Step =
  | { readonly act: "retry"; readonly afterMs: number }
  | { readonly act: "regrant" }
  | { readonly act: "nextQuality"; readonly otherwise: Failure }
  | { readonly act: "giveUp"; readonly failure: Failure };

/** How often each cause struck since the film last played well. */
export type Tries = Readonly<Partial<Record<Cause, number>>>;

const NETWORK_DELAYS_MS = [1_000, 2_000, 4_000, 8_000, 8_000, 8_000];
const BUSY_DELAYS_MS = [1_000, 2_000, 4_000, 8_000];
const RETRY_AFTER_MAX_MS = 10_000;
const REGRANTS = 2;

/** `status` of a one-byte request for the same file; null when no answer came. */
export function causeOf(status: number | null): Cause {
  if (status === null) return "network";
  if (status === 401 || status === 403) return "expired";
  if (isTakedown(status)) return "gone";
  if (status === 404) return "missing";
  if (status >= 400) return "busy";
  return "format";
}

/** `retryAfterMs` is the server's own wish, if it told one. */
export function nextStep(cause: Cause, tries: Tries, retryAfterMs: number | null = null): Step {
  const tried = tries[cause] ?? 0;
  switch (cause) {
    case "network":
      return delayed(NETWORK_DELAYS_MS, tried) ?? { act: "giveUp", failure: "network" };
    case "busy": {
      const step = delayed(BUSY_DELAYS_MS, tried);
      if (step === null) return { act: "nextQuality", otherwise: "busy" };
      return { act: "retry", afterMs: Math.min(Math.max(step.afterMs, retryAfterMs ?? 0), RETRY_AFTER_MAX_MS) };
    }
    case "expired":
      return tried < REGRANTS ? { act: "regrant" } : { act: "giveUp", failure: "refused" };
    case "gone":
      return { act: "giveUp", failure: "gone" };
    case "missing":
      return { act: "nextQuality", otherwise: "missing" };
    case "format":
      // The bytes are there now: one more try first, since a connection may just have broken.
      return tried === 0 ? { act: "retry", afterMs: 250 } : { act: "nextQuality", otherwise: "format" };
  }
}

function delayed(delays: readonly number[], tried: number): { act: "retry"; afterMs: number } | null {
  const afterMs = delays[tried];
  return afterMs === undefined ? null : { act: "retry", afterMs };
}
