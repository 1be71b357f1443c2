"use client";

import dynamic from "next/dynamic";
import { useEffect } from "react";

import { Artwork } from "@/components/artwork";
import { Icon } from "@/components/icon";

import styles from "./stage.module.css";
import { useWatch, usePlayback } from "./watch-context";

const loadEngine = () => import("./engine");
const Engine = dynamic(() => loadEngine().then((module) => module.Engine), { ssr: false });

/** The place of the picture: a poster with a play button, then the player. */
export function Stage() {
  const { title, episode, play, grants } = useWatch();
  const state = usePlayback();
  const idle = state.phase === "idle";
  const name = episodeName(title.episodes, episode) ?? title.name;

  useEffect(() => {
    if (typeof window.requestIdleCallback !== "function") return;
    const handle = window.requestIdleCallback(() => void loadEngine(), { timeout: 3_000 });
    return () => window.cancelIdleCallback(handle);
  }, []);

  const warm = () => {
    void loadEngine();
    grants.get(episode).catch(() => undefined);
  };

  return (
    <section className={styles.stage} data-testid="player" data-phase={state.phase} aria-label={`Player: ${name}`}>
      <div className={styles.poster} data-hidden={state.shown || undefined}>
        <StagePoster />
      </div>
      {!idle && <Engine name={name} />}
      {idle && (
        <button
          type="button"
          className={styles.start}
          data-testid="play"
          onPointerEnter={warm}
          onFocus={warm}
          onClick={() => play(episode)}
        >
          <span className={styles.startDisc}>
            <Icon name="play" size={36} />
          </span>
          <span className="visually-hidden">Play {name}</span>
        </button>
      )}
      <noscript>
        <p className={styles.noscript}>The player needs JavaScript. Everything else on this site works without it.</p>
      </noscript>
    </section>
  );
}

function StagePoster() {
  const { title } = useWatch();
  if (title.backdrops.length > 0) {
    return <Artwork className={styles.backdrop} pictures={title.backdrops} sizes="(max-width: 1280px) 100vw, 1280px" color={title.color} eager />;
  }
  return (
    <>
      <Artwork className={styles.blurred} pictures={title.posters} sizes="200px" color={title.color} />
      <Artwork className={styles.centred} pictures={title.posters} sizes="(max-width: 719px) 30vw, 400px" color={title.color} eager />
    </>
  );
}

function episodeName(episodes: readonly { readonly number: number; readonly name: string }[], wanted: number | null): string | null {
  const found = episodes.find(({ number }) => number === wanted);
  return found ? `${found.number}. ${found.name}` : null;
}
