/** The state of list pages lives in their URL; this is its one reader and writer. */

import type { TitleKind } from "./api/models";

export const HOME_ROW = 18;
export const BROWSE_PAGE = 48;
const QUERY_MAX = 100;

export const homeQuery = { limit: HOME_ROW } as const;

const KINDS = { movie: "Movie", series: "Season" } as const satisfies Record<string, TitleKind>;
export type KindWord = keyof typeof KINDS;

export interface BrowseQuery {
  readonly kind: KindWord | null;
  readonly q: string;
  readonly cursor: string | null;
  /** The same in the words of the API. */
  readonly list: { kind?: TitleKind; q?: string; limit: number; cursor?: string };
}

export function readBrowseQuery(search: URLSearchParams): BrowseQuery {
  const word = search.get("kind") ?? "";
  const kind = Object.hasOwn(KINDS, word) ? (word as KindWord) : null;
  const q = (search.get("q") ?? "").trim().slice(0, QUERY_MAX);
  const cursor = search.get("cursor") || null;
  return {
    kind,
    q,
    cursor,
    list: { ...(kind && { kind: KINDS[kind] }), ...(q && { q }), limit: BROWSE_PAGE, ...(cursor && { cursor }) },
  };
}

export function browseHref(query: { kind?: KindWord | null; q?: string; cursor?: string | null }): string {
  const search = new URLSearchParams();
  if (query.kind) search.set("kind", query.kind);
  if (query.q) search.set("q", query.q);
  if (query.cursor) search.set("cursor", query.cursor);
  const text = search.toString();
  return text ? `/browse?${text}` : "/browse";
}

/** The episode named by `?e=`; null when absent or not a number. */
export function readEpisode(value: string | string[] | undefined): number | null {
  const text = Array.isArray(value) ? value[0] : value;
  return text !== undefined && /^\d{1,4}$/.test(text) ? Number(text) : null;
}
