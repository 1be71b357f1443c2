"use client";

import { createContext, type ReactNode, useContext, useEffect, useMemo, useState, useSyncExternalStore } from "react";

import type { Picture } from "@/lib/api/models";
import { Grants } from "@/lib/player/grants";
import { localShelf, PlayerMemory } from "@/lib/player/memory";
import { Playback, type PlaybackState } from "@/lib/player/playback";
import { canPlay, probe, screenHeight, wait } from "@/lib/player/browser";

export interface WatchEpisode {
  readonly number: number;
  readonly name: string;
}

/** What the islands of a title page need to know; all else stays on the server. */
export interface WatchTitle {
  readonly id: string;
  readonly name: string;
  readonly color: string;
  readonly posters: readonly Picture[];
  readonly backdrops: readonly Picture[];
  /** Empty for a film. */
  readonly episodes: readonly WatchEpisode[];
}

interface Watch {
  readonly title: WatchTitle;
  /** The episode that is chosen, whether it plays or not; null for a film. */
  readonly episode: number | null;
  readonly playback: Playback;
  readonly grants: Grants;
  readonly memory: PlayerMemory;
  /** Plays the film or the chosen episode. */
  readonly play: (episode: number | null) => void;
}

const WatchContext = createContext<Watch | null>(null);

interface Props {
  readonly title: WatchTitle;
  readonly initialEpisode: number | null;
  readonly playAtOnce: boolean;
  readonly children: ReactNode;
}

/** Holds one viewing for all islands of a title page. */
export function WatchProvider({ title, initialEpisode, playAtOnce, children }: Props) {
  const [episode, setEpisode] = useState(initialEpisode);
  const [parts] = useState(() => viewingParts(title.id));
  const { playback } = parts;

  const watch = useMemo<Watch>(() => {
    const play = (wanted: number | null) => {
      setEpisode(wanted);
      showInAddress(title.id, wanted);
      void playback.start(wanted);
    };
    return { title, episode, play, ...parts };
  }, [title, episode, parts, playback]);

  useEffect(() => {
    const save = () => playback.save();
    window.addEventListener("pagehide", save);
    return () => {
      save();
      window.removeEventListener("pagehide", save);
    };
  }, [playback]);

  useEffect(() => {
    if (!playAtOnce) return;
    showInAddress(title.id, initialEpisode);
    void playback.start(initialEpisode);
  }, [playAtOnce, playback, title.id, initialEpisode]);

  return <WatchContext value={watch}>{children}</WatchContext>;
}

export function useWatch(): Watch {
  const watch = useContext(WatchContext);
  if (watch === null) throw new Error("useWatch outside of WatchProvider");
  return watch;
}

export function usePlayback(): PlaybackState {
  const { playback } = useWatch();
  return useSyncExternalStore(playback.subscribe, playback.state, playback.state);
}

function viewingParts(titleId: string): Pick<Watch, "playback" | "grants" | "memory"> {
  const memory = new PlayerMemory(typeof window === "undefined" ? null : localShelf());
  const grants = new Grants(titleId);
  const world = { title: titleId, grants, memory, canPlay, screenHeight, probe, wait, now: () => Date.now() };
  return { memory, grants, playback: new Playback(world) };
}

/** The address names what is shown, without loading the page again. */
function showInAddress(titleId: string, episode: number | null): void {
  const address = episode === null ? `/t/${titleId}` : `/t/${titleId}?e=${episode}`;
  if (window.location.pathname + window.location.search !== address) window.history.replaceState(null, "", address);
}
