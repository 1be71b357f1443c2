/** What the manager answers; the same shapes as `streamvault_common.api`, checked at run time. */

import { both, list, number, object, oneOf, optional, text, DecodeError, type Decoded, type Decoder } from "./decode";

/** Addresses in answers must stay on this site, whatever the catalogue holds. */
const sitePath: Decoder<string> = (value, path) => {
  const url = text(value, path);
  if (!url.startsWith("/") || url.startsWith("//") || url.includes("\\")) throw new DecodeError(path, "a path on this site");
  return url;
};

export const QUALITIES = ["2160p", "1080p", "720p", "480p"] as const;
export const quality = oneOf(...QUALITIES);
export const titleKind = oneOf("Movie", "Season");

const picture = object({
  url: sitePath,
  role: oneOf("poster", "backdrop", "still"),
  width: number,
  height: number,
  format: oneOf("avif", "webp", "jpeg"),
  episode: optional(number),
});

const series = object({ id: text, name: text, season: number });

export const titleCard = object({
  id: text,
  kind: titleKind,
  displayName: text,
  year: optional(number),
  series: optional(series),
  qualities: list(quality),
  color: text,
  posters: list(picture),
  publishedAt: optional(text),
});

export const titleList = object({ items: list(titleCard), nextCursor: optional(text), total: number });

const fileInfo = object({ name: text, quality, episode: optional(number), sizeBytes: number, codecs: optional(text) });

const episode = object({
  number,
  name: text,
  plot: text,
  runtimeSeconds: optional(number),
  stills: list(picture),
  files: list(fileInfo),
});

export const titlePage = both(
  titleCard,
  object({
    tagline: text,
    plot: text,
    genres: list(text),
    cast: list(object({ name: text, role: text })),
    runtimeSeconds: optional(number),
    images: list(picture),
    files: list(fileInfo),
    episodes: list(episode),
    subtitleLanguages: list(text),
  }),
);

export const playGrant = object({
  title: text,
  episode: optional(number),
  tier: text,
  expiresAt: number,
  sources: list(
    object({
      quality,
      url: sitePath,
      downloadUrl: sitePath,
      sizeBytes: number,
      contentType: text,
      codecs: optional(text),
    }),
  ),
  tracks: list(object({ kind: oneOf("subtitles"), language: text, label: text, url: sitePath })),
});

export const problem = object({ title: text, status: number, detail: optional(text), requestId: optional(text) });

export type Quality = Decoded<typeof quality>;
export type TitleKind = Decoded<typeof titleKind>;
export type Picture = Decoded<typeof picture>;
export type TitleCard = Decoded<typeof titleCard>;
export type TitleList = Decoded<typeof titleList>;
export type FileInfo = Decoded<typeof fileInfo>;
export type Episode = Decoded<typeof episode>;
export type TitlePage = Decoded<typeof titlePage>;
export type PlayGrant = Decoded<typeof playGrant>;
export type PlaySource = PlayGrant["sources"][number];
export type PlayTrack = PlayGrant["tracks"][number];
export type Problem = Decoded<typeof problem>;
