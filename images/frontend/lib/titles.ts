/** Words about a title. */

import type { TitleCard } from "./api/models";

/** The series' name for a season, the title's own name otherwise. */
export function cardName(card: Pick<TitleCard, "displayName" | "series">): string {
  return card.series?.name ?? card.displayName;
}

export function cardFacts(card: Pick<TitleCard, "kind" | "series" | "year">): string {
  const kind = card.series ? `Season ${card.series.season}` : card.kind === "Season" ? "Series" : "Movie";
  return card.year === null ? kind : `${card.year} · ${kind}`;
}

/** What a season's own name leaves out about its series and number; null when nothing. */
export function seriesLine({ displayName, series }: Pick<TitleCard, "displayName" | "series">): string | null {
  if (series === null) return null;
  const number = `Season ${series.season}`;
  const missing = [series.name, number].filter((words) => !displayName.includes(words));
  return missing.length > 0 ? missing.join(" · ") : null;
}

const NEW_FOR_MS = 14 * 24 * 3600 * 1000;

/** `now` in milliseconds since 1970. */
export function isNew(card: Pick<TitleCard, "publishedAt">, now: number = Date.now()): boolean {
  const published = card.publishedAt === null ? Number.NaN : Date.parse(card.publishedAt);
  return Number.isFinite(published) && now - published < NEW_FOR_MS;
}
