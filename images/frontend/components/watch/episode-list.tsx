"use client";

import type { MouseEvent } from "react";

import { Artwork } from "@/components/artwork";
import { Icon } from "@/components/icon";
import { QualityChips } from "@/components/quality-chips";
import type { Episode, Picture } from "@/lib/api/models";
import { runtime } from "@/lib/format";
import { bestFirst } from "@/lib/quality";

import styles from "./episode-list.module.css";
import { useWatch } from "./watch-context";

interface Props {
  readonly titleId: string;
  readonly color: string;
  readonly episodes: readonly Episode[];
  /** Shown where an episode has no still of its own. */
  readonly fallback: readonly Picture[];
}

/** Every episode is a link that works by itself; with scripts it plays in place. */
export function EpisodeList({ titleId, color, episodes, fallback }: Props) {
  const { episode: current, play } = useWatch();
  const playInPlace = (event: MouseEvent, number: number) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    play(number);
    window.scrollTo({ top: 0, behavior: "smooth" });
  };
  return (
    <ol className={styles.list} data-testid="episodes">
      {episodes.map((episode) => (
        <li key={episode.number}>
          <a
            href={`/t/${titleId}?e=${episode.number}`}
            className={styles.episode}
            aria-current={episode.number === current ? "true" : undefined}
            data-testid={`episode-${episode.number}`}
            onClick={(event) => playInPlace(event, episode.number)}
          >
            <span className={styles.still}>
              <Artwork
                className={styles.stillImage}
                pictures={episode.stills.length > 0 ? episode.stills : fallback}
                sizes="180px"
                color={color}
              />
              <span className={styles.play}>
                <Icon name="play" size={20} />
              </span>
            </span>
            <span className={styles.words}>
              <span className={styles.name}>
                <span className={styles.number}>{episode.number}</span>
                {episode.name || `Episode ${episode.number}`}
              </span>
              <span className={styles.facts}>
                {episode.number === current && <span className={styles.current}>Selected</span>}
                {episode.runtimeSeconds !== null && <span>{runtime(episode.runtimeSeconds)}</span>}
                <QualityChips qualities={bestFirst(episode.files.map((file) => file.quality))} />
              </span>
              {episode.plot && <span className={styles.plot}>{episode.plot}</span>}
            </span>
          </a>
        </li>
      ))}
    </ol>
  );
}
