"use client";

import { Captions, MediaAnnouncer, MediaPlayer, type MediaPlayerInstance, MediaProvider, Track } from "@vidstack/react";
import { useEffect, useMemo, useRef, useState } from "react";

import "@vidstack/react/player/styles/base.css";
import "@vidstack/react/player/styles/default/captions.css";

import { faultOf } from "@/lib/player/browser";

import { Controls } from "./controls";
import { RememberedChoices } from "./remembered-choices";
import { NextUp, Overlays } from "./overlays";
import styles from "./player.module.css";
import { useShortcuts } from "./use-shortcuts";
import { useWatch, usePlayback } from "./watch-context";

/** The player library around one viewing: it shows what the viewing wants and tells it what happens. */
export function Engine({ name }: { readonly name: string }) {
  const { playback, memory } = useWatch();
  const state = usePlayback();
  const player = useRef<MediaPlayerInstance>(null);
  const [ended, setEnded] = useState(false);
  const storage = useMemo(
    () => new RememberedChoices(memory, () => playback.state().startAt),
    [memory, playback],
  );
  useEffect(() => storage.follow(() => shownAt(player.current)), [storage]);
  useShortcuts(player);

  // The play button that had the focus is gone: the player takes it, so that its keys work at once.
  useEffect(() => player.current?.el?.focus({ preventScroll: true }), []);

  // The library puts the address into a <source>, whose failure reaches neither the video nor the library.
  useEffect(() => {
    const element = player.current?.el;
    const listen = (event: Event) => {
      if (failedAddress(event.target) !== absolute(playback.state().src)) return;
      const video = element?.querySelector("video");
      void playback.onError(video ? faultOf(video) : undefined);
    };
    element?.addEventListener("error", listen, true);
    return () => element?.removeEventListener("error", listen, true);
  }, [playback]);

  return (
    <MediaPlayer
      ref={player}
      className={styles.player}
      {...(state.src !== null && { src: { src: state.src, type: "video/mp4" as const } })}
      title={name}
      viewType="video"
      streamType="on-demand"
      load="eager"
      playsInline
      keyDisabled
      storage={storage}
      controlsDelay={3000}
      data-testid="engine"
      data-quality={state.quality ?? undefined}
      onCanPlay={() => {
        playback.onReady();
        // Asked for by a click, so not the library's autoplay, which reduced motion would forbid. A browser that refuses
        // leaves the film paused at its place.
        if (playback.state().autoplay) player.current?.play().catch(() => undefined);
      }}
      onTimeUpdate={({ currentTime }) => playback.onTime(currentTime, player.current?.state.duration ?? 0)}
      onPlay={() => {
        setEnded(false);
        playback.onPlay();
      }}
      onPause={() => playback.onPause()}
      onMediaSeekRequest={(seconds) => playback.onSeek(seconds)}
      onWaiting={() => void playback.onWaiting()}
      onEnded={() => setEnded(true)}
    >
      <MediaProvider>
        {state.grant?.tracks.map((track) => (
          <Track key={track.url} kind="subtitles" src={track.url} lang={track.language} label={track.label} type="vtt" />
        ))}
      </MediaProvider>
      <Captions className={`vds-captions ${styles.captions}`} data-testid="captions-text" />
      <MediaAnnouncer className="visually-hidden" />
      <Controls name={name} />
      <Overlays />
      {ended && <NextUp onDone={() => setEnded(false)} />}
    </MediaPlayer>
  );
}

function shownAt(player: MediaPlayerInstance | null): number {
  return player?.el?.querySelector("video")?.currentTime ?? 0;
}

function failedAddress(target: EventTarget | null): string | null {
  if (target instanceof HTMLSourceElement) return target.src;
  return target instanceof HTMLVideoElement ? target.currentSrc : null;
}

function absolute(path: string | null): string | null {
  return path === null ? null : new URL(path, window.location.href).href;
}
