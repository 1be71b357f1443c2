/** Structured data of a title page, as text that is safe inside a script element. */

import type { TitlePage } from "./api/models";
import { isoDuration } from "./format";

type Node = Record<string, unknown>;

/** `origin` without a trailing slash. */
export function titleJsonLd(title: TitlePage, origin: string): string {
  const url = `${origin}/t/${title.id}`;
  const image = bestPoster(title);
  const shared: Node = {
    "@id": url,
    url,
    name: title.displayName,
    ...(image && { image: origin + image }),
    ...(title.plot && { description: title.plot }),
    ...(title.genres.length > 0 && { genre: title.genres }),
    ...(title.year !== null && { dateCreated: String(title.year) }),
    ...(title.cast.length > 0 && { actor: title.cast.map(({ name }) => ({ "@type": "Person", name })) }),
  };
  const main: Node = title.kind === "Movie" ? movie(title, shared) : season(title, shared, url);
  const crumbs: Node = {
    "@type": "BreadcrumbList",
    itemListElement: [
      { "@type": "ListItem", position: 1, name: "Library", item: `${origin}/browse` },
      { "@type": "ListItem", position: 2, name: title.displayName, item: url },
    ],
  };
  return escapeForScript({ "@context": "https://schema.org", "@graph": [main, crumbs] });
}

function movie(title: TitlePage, shared: Node): Node {
  return {
    "@type": "Movie",
    ...shared,
    ...(title.runtimeSeconds !== null && { duration: isoDuration(title.runtimeSeconds) }),
  };
}

function season(title: TitlePage, shared: Node, url: string): Node {
  return {
    "@type": "TVSeason",
    ...shared,
    ...(title.series && {
      seasonNumber: title.series.season,
      partOfSeries: { "@type": "TVSeries", name: title.series.name },
    }),
    numberOfEpisodes: title.episodes.length,
    episode: title.episodes.map((episode) => ({
      "@type": "TVEpisode",
      episodeNumber: episode.number,
      name: episode.name || `Episode ${episode.number}`,
      url: `${url}?e=${episode.number}`,
    })),
  };
}

export function bestPoster(title: Pick<TitlePage, "posters">): string | null {
  const readable = title.posters.filter((picture) => picture.format !== "avif");
  return readable.toSorted((a, b) => b.width - a.width)[0]?.url ?? null;
}

/** A `<` could end the script element early; the two separators end a line in old parsers. */
export function escapeForScript(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll("<", "\\u003c")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
}
