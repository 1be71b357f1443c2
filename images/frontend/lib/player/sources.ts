/** Which quality to play. */

import type { PlaySource, Quality } from "@/lib/api/models";

export type CanPlay = (type: string) => boolean;

/** The browser's own word for a source; without codecs only the container can be asked. */
export function mediaType(source: Pick<PlaySource, "contentType" | "codecs">): string {
  return source.codecs ? `${source.contentType}; codecs="${source.codecs}"` : source.contentType;
}

export function playsHere(source: PlaySource, canPlay: CanPlay): boolean {
  return source.codecs === null || canPlay(mediaType(source));
}

export function heightOf(quality: Quality): number {
  return Number.parseInt(quality, 10);
}

export interface Choice {
  readonly canPlay: CanPlay;
  /** The quality the viewer chose last; null when they never did. */
  readonly preferred: Quality | null;
  /** Height of the screen in device pixels: more than it can show is only heavier. */
  readonly screenHeight: number;
  readonly excluded: ReadonlySet<Quality>;
}

/** The source to start with; null when none is left that plays here. */
export function chooseSource(sources: readonly PlaySource[], choice: Choice): PlaySource | null {
  const usable = sources
    .filter((source) => !choice.excluded.has(source.quality) && playsHere(source, choice.canPlay))
    .toSorted((a, b) => heightOf(b.quality) - heightOf(a.quality));
  const preferred = usable.find((source) => source.quality === choice.preferred);
  if (preferred) return preferred;
  const enough = usable.filter((source) => heightOf(source.quality) >= choice.screenHeight);
  return enough.at(-1) ?? usable[0] ?? null;
}

/** The nearest other quality, lower ones first. */
export function fallbackSource(sources: readonly PlaySource[], failed: Quality, choice: Choice): PlaySource | null {
  const usable = sources.filter((source) => !choice.excluded.has(source.quality) && playsHere(source, choice.canPlay));
  const height = heightOf(failed);
  const lower = usable.filter((source) => heightOf(source.quality) < height);
  const higher = usable.filter((source) => heightOf(source.quality) > height);
  const byHeight = (a: PlaySource, b: PlaySource) => heightOf(a.quality) - heightOf(b.quality);
  return lower.toSorted(byHeight).at(-1) ?? higher.toSorted(byHeight)[0] ?? null;
}
