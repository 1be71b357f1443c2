/** What a viewing needs of the browser. */

import type { Fault, Probe } from "./playback";

export function canPlay(type: string): boolean {
  return document.createElement("video").canPlayType(type) !== "";
}

export function screenHeight(): number {
  return Math.min(window.screen.height, window.screen.width) * (window.devicePixelRatio || 1);
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** One byte tells why the player could not go on. */
export async function probe(url: string, byte: number): Promise<Probe> {
  try {
    const response = await fetch(url, { headers: { range: `bytes=${byte}-${byte}` }, cache: "no-store" });
    await response.body?.cancel();
    const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
    return { status: response.status, retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : null };
  } catch {
    return { status: null, retryAfterMs: null };
  }
}

/** What a video element says after its error. */
export function faultOf(video: HTMLVideoElement): Fault {
  const { buffered, currentTime, duration, error } = video;
  const ends = Array.from({ length: buffered.length }, (_, index) => [buffered.start(index), buffered.end(index)] as const);
  const current = ends.find(([start, end]) => start <= currentTime && currentTime <= end);
  return {
    heldSeconds: current?.[1] ?? currentTime,
    durationSeconds: Number.isFinite(duration) ? duration : 0,
    reading: error?.code === MediaError.MEDIA_ERR_NETWORK,
  };
}
