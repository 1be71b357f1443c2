import type { Metadata } from "next";
import { headers } from "next/headers";
import { notFound } from "next/navigation";
import type { CSSProperties } from "react";

import { Artwork } from "@/components/artwork";
import { QualityChips } from "@/components/quality-chips";
import { Unavailable } from "@/components/unavailable";
import { DownloadList } from "@/components/watch/download-list";
import { EpisodeList } from "@/components/watch/episode-list";
import { Stage } from "@/components/watch/stage";
import { WatchProvider, type WatchTitle } from "@/components/watch/watch-context";
import { fetchTitle } from "@/lib/api/catalogue";
import type { TitlePage } from "@/lib/api/models";
import { languageName, runtime } from "@/lib/format";
import { bestPoster, titleJsonLd } from "@/lib/jsonld";
import { readEpisode } from "@/lib/queries";
import { currentRequestId } from "@/lib/request";
import { readSettings } from "@/lib/settings";
import { seriesLine } from "@/lib/titles";
import { safeTone } from "@/lib/tone";

import styles from "./title.module.css";

interface Props {
  readonly params: Promise<{ id: string }>;
  readonly searchParams: Promise<Record<string, string | string[] | undefined>>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const answer = await fetchTitle(decodeURIComponent((await params).id), await currentRequestId());
  if (answer.kind !== "ok") return {};
  const title = answer.value;
  const description = title.plot || title.tagline || `Watch ${title.displayName}.`;
  const image = bestPoster(title);
  return {
    title: title.year === null ? title.displayName : `${title.displayName} (${title.year})`,
    description: description.slice(0, 300),
    alternates: { canonical: `/t/${title.id}` },
    openGraph: {
      type: title.kind === "Movie" ? "video.movie" : "video.tv_show",
      title: title.displayName,
      description: description.slice(0, 300),
      url: `/t/${title.id}`,
      ...(image && { images: [image] }),
    },
    twitter: { card: "summary_large_image" },
  };
}

export default async function TitlePageView({ params, searchParams }: Props) {
  const id = decodeURIComponent((await params).id);
  const search = await searchParams;
  const requestId = await currentRequestId();
  const answer = await fetchTitle(id, requestId);
  if (answer.kind === "missing" || answer.kind === "gone") notFound();
  if (answer.kind === "unavailable") return <Unavailable requestId={requestId} retryHref="" />;

  const title = answer.value;
  const episode = chosenEpisode(title, readEpisode(search.e));
  const tone = { "--tone": safeTone(title.color) } as CSSProperties;
  return (
    <WatchProvider key={title.id} title={watchTitle(title)} initialEpisode={episode} playAtOnce={search.play === "1"}>
      <script type="application/ld+json" dangerouslySetInnerHTML={{ __html: titleJsonLd(title, await origin()) }} />
      <div className={styles.glow} style={tone} aria-hidden="true" />
      <div className={`wrap ${styles.page}`}>
        {hasFiles(title) ? <Stage /> : <Processing />}
        <div className={styles.columns}>
          <Facts title={title} />
          <aside className={styles.side}>
            <DownloadList files={title.kind === "Movie" ? title.files : title.episodes.flatMap(({ files }) => files)} />
            <Languages languages={title.subtitleLanguages} />
          </aside>
        </div>
      </div>
    </WatchProvider>
  );
}

function Facts({ title }: { readonly title: TitlePage }) {
  return (
    <div className={styles.main}>
      <div className={styles.intro}>
        {showsPoster(title) && (
          <Artwork className={styles.poster} pictures={title.posters} sizes="(max-width: 719px) 1px, 160px" color={title.color} />
        )}
        <div>
          {seriesLine(title) && <p className={styles.series}>{seriesLine(title)}</p>}
          <h1 className={styles.name}>{title.displayName}</h1>
          {title.tagline && <p className={styles.tagline}>{title.tagline}</p>}
          <div className={styles.facts}>
            {title.year !== null && <span>{title.year}</span>}
            {title.runtimeSeconds !== null && <span>{runtime(title.runtimeSeconds)}</span>}
            {title.kind === "Season" && <span>{count(title.episodes.length, "episode")}</span>}
            {title.genres.length > 0 && <span>{title.genres.join(", ")}</span>}
            <QualityChips qualities={title.qualities} />
          </div>
          {title.plot && <p className={styles.plot}>{title.plot}</p>}
        </div>
      </div>
      {title.kind === "Season" && title.episodes.length > 0 && (
        <section aria-labelledby="episodes">
          <h2 id="episodes" className={styles.heading}>
            Episodes
          </h2>
          <EpisodeList titleId={title.id} color={title.color} episodes={title.episodes} fallback={backdropsOr(title)} />
        </section>
      )}
      {title.cast.length > 0 && (
        <section aria-labelledby="cast">
          <h2 id="cast" className={styles.heading}>
            Cast
          </h2>
          <ul className={styles.cast}>
            {title.cast.map((member) => (
              <li key={`${member.name}/${member.role}`}>
                <span className={styles.member}>{member.name}</span>
                {member.role && <span className={styles.role}>{member.role}</span>}
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function Languages({ languages }: { readonly languages: readonly string[] }) {
  if (languages.length === 0) return null;
  return (
    <section className={styles.languages} aria-labelledby="languages">
      <h2 id="languages">Subtitles</h2>
      <p>{languages.map(languageName).join(", ")}</p>
    </section>
  );
}

function Processing() {
  return (
    <div className={styles.processing} role="status">
      <p>
        <strong>Being prepared</strong>
      </p>
      <p>The video files of this title are not ready yet. Come back in a while.</p>
    </div>
  );
}

function watchTitle(title: TitlePage): WatchTitle {
  return {
    id: title.id,
    name: title.displayName,
    color: title.color,
    posters: title.posters,
    backdrops: title.images.filter((image) => image.role === "backdrop"),
    episodes: title.episodes.map(({ number, name }) => ({ number, name: name || `Episode ${number}` })),
  };
}

/** Without a backdrop the stage already shows the poster. */
function showsPoster(title: TitlePage): boolean {
  return title.posters.length > 0 && (!hasFiles(title) || title.images.some((image) => image.role === "backdrop"));
}

function backdropsOr(title: TitlePage) {
  const backdrops = title.images.filter((image) => image.role === "backdrop");
  return backdrops.length > 0 ? backdrops : title.posters;
}

function hasFiles(title: TitlePage): boolean {
  return title.files.length > 0 || title.episodes.some((episode) => episode.files.length > 0);
}

/** The wanted episode when it exists, else the first; null for a film. */
function chosenEpisode(title: TitlePage, wanted: number | null): number | null {
  if (title.kind === "Movie") return null;
  const numbers = title.episodes.map(({ number }) => number);
  return wanted !== null && numbers.includes(wanted) ? wanted : (numbers[0] ?? null);
}

function count(amount: number, word: string): string {
  return `${amount} ${word}${amount === 1 ? "" : "s"}`;
}

/** Where absolute addresses start: the public address, else the host that was asked. */
async function origin(): Promise<string> {
  const { publicUrl } = readSettings();
  if (publicUrl !== null) return publicUrl;
  const given = await headers();
  const host = given.get("x-forwarded-host") ?? given.get("host") ?? "localhost";
  return `${given.get("x-forwarded-proto") ?? "http"}://${host}`;
}
