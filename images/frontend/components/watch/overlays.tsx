"use client";

import { useMediaState } from "@vidstack/react";
import Link from "next/link";
import { useEffect, useState } from "react";

import { Icon } from "@/components/icon";
import { clock } from "@/lib/format";
import type { Failure } from "@/lib/player/recovery";

import styles from "./player.module.css";
import { usePlayback, useWatch } from "./watch-context";

const TOAST_MS = 8_000;
const NEXT_SECONDS = 8;

const WORDS: Readonly<Record<Failure, { readonly title: string; readonly text: string }>> = {
  network: { title: "The connection is gone", text: "Check the network. The film goes on by itself where it stopped." },
  refused: { title: "This link is not accepted", text: "Reload the page to get a new one." },
  gone: { title: "No longer available", text: "This title has been taken down." },
  missing: { title: "This video is not here yet", text: "Its files are still being prepared. Try again later." },
  busy: { title: "Too busy right now", text: "All streams are in use. The film goes on by itself, or try again now." },
  format: { title: "This browser cannot play it", text: "Another quality or a download may work." },
};
const FINAL: ReadonlySet<Failure> = new Set(["gone"]);

/** What lies over the picture: waiting, trouble, failure, and where an earlier viewing was taken up. */
export function Overlays() {
  const state = usePlayback();
  return (
    <>
      <Buffering />
      {state.troubled && state.phase !== "failed" && (
        <p className={styles.toast} role="status" data-testid="reconnecting">
          Reconnecting…
        </p>
      )}
      {state.resumedAt !== null && state.phase === "playing" && <Resumed at={state.resumedAt} />}
      {state.failure !== null && <Failed failure={state.failure} requestId={state.requestId} />}
    </>
  );
}

function Buffering() {
  const { phase } = usePlayback();
  const waiting = useMediaState("waiting");
  const busy = phase === "loading" || phase === "recovering" || (phase === "playing" && waiting);
  return <div className={styles.waiting} data-on={busy || undefined} role="presentation" />;
}

function Resumed({ at }: { readonly at: number }) {
  const { playback } = useWatch();
  useEffect(() => {
    const timer = setTimeout(() => playback.acknowledgeResume(), TOAST_MS);
    return () => clearTimeout(timer);
  }, [playback]);
  return (
    <p className={styles.toast} role="status" data-testid="resumed">
      Resumed at {clock(at)}
      <button type="button" className={styles.toastButton} onClick={() => void playback.restart()}>
        Start over
      </button>
    </p>
  );
}

function Failed({ failure, requestId }: { readonly failure: Failure; readonly requestId: string | null }) {
  const { playback } = useWatch();
  const { title, text } = WORDS[failure];
  return (
    <div className={styles.failed} role="alert" data-testid="player-failure" data-failure={failure}>
      <Icon name="warning" size={32} />
      <p className={styles.failedTitle}>{title}</p>
      <p>{text}</p>
      {FINAL.has(failure) ? (
        <Link href="/browse" prefetch={false} className="button">
          Browse the library
        </Link>
      ) : (
        <button type="button" className="button" data-tone="accent" onClick={() => void playback.retry()}>
          Try again
        </button>
      )}
      {requestId && <p className={styles.requestId}>Request {requestId}</p>}
    </div>
  );
}

/** At the end of an episode: the next one, unless the viewer says no. */
export function NextUp({ onDone }: { readonly onDone: () => void }) {
  const { title, episode, play } = useWatch();
  const [left, setLeft] = useState(NEXT_SECONDS);
  const index = title.episodes.findIndex(({ number }) => number === episode);
  const next = index < 0 ? undefined : title.episodes[index + 1];

  useEffect(() => {
    if (!next) return;
    const timer = setTimeout(() => {
      if (left > 1) return setLeft(left - 1);
      onDone();
      play(next.number);
    }, 1_000);
    return () => clearTimeout(timer);
  }, [left, next, onDone, play]);

  if (!next) return null;
  const playNow = () => {
    onDone();
    play(next.number);
  };
  return (
    <div className={styles.nextUp} role="group" aria-label="Next episode" data-testid="next-up">
      <p className={styles.nextLabel}>Next episode in {left} s</p>
      <p className={styles.nextName}>
        {next.number}. {next.name}
      </p>
      <p className={styles.nextActions}>
        <button type="button" className="button" data-tone="accent" onClick={playNow}>
          <Icon name="play" size={18} /> Play now
        </button>
        <button type="button" className="button" onClick={onDone}>
          Cancel
        </button>
      </p>
    </div>
  );
}
