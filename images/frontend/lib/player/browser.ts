/** What a viewing needs of the browser. */

import type { Probe } from "./playback";

export function canPlay(type: string): boolean {
  return document.createElement("video").canPlayType(type) !== "";
}

export function screenHeight(): number {
  return Math.min(window.screen.height, window.screen.width) * (window.devicePixelRatio || 1);
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** One byte of the address tells why the player could not go on. */
export async function probe(url: string): Promise<Probe> {
  try {
    const response = await fetch(url, { headers: { range: "bytes=0-0" }, cache: "no-store" });
    await response.body?.cancel();
    const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
    return { status: response.status, retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : null };
  } catch {
    return { status: null, retryAfterMs: null };
  }
}
