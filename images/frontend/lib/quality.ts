/** Quality buckets: names for people and frame sizes. */

import { QUALITIES, type Quality } from "./api/models";

const NAMES: Readonly<Record<Quality, string>> = { "2160p": "4K", "1080p": "1080p", "720p": "720p", "480p": "480p" };

export function qualityName(quality: Quality): string {
  return NAMES[quality];
}

/** Best first, each once. */
export function bestFirst(qualities: Iterable<Quality>): readonly Quality[] {
  const known = new Set(qualities);
  return QUALITIES.filter((quality) => known.has(quality));
}
