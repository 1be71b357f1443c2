"use client";

import { isVideoProvider, type MediaPlayerInstance } from "@vidstack/react";
import { type RefObject, useEffect } from "react";

import { type Action, actionFor, type Press } from "@/lib/player/shortcuts";

import { useWatch } from "./watch-context";

const RATES = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
const FRAME_SECONDS = 1 / 24;

/** Listens for the player's keys on the whole page while a film is on. */
export function useShortcuts(reference: RefObject<MediaPlayerInstance | null>): void {
  const { title, episode, play } = useWatch();
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const player = reference.current;
      if (!player || event.defaultPrevented) return;
      const action = actionFor(pressOf(event, player.el));
      if (action === null) return;
      event.preventDefault();
      player.controls.show(0, event);
      if (action.do === "next-episode" || action.do === "previous-episode") {
        const numbers = title.episodes.map(({ number }) => number);
        const wanted = numbers[numbers.indexOf(episode ?? -1) + (action.do === "next-episode" ? 1 : -1)];
        if (wanted !== undefined) play(wanted);
      } else {
        perform(action, player, event);
      }
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [reference, title, episode, play]);
}

function perform(action: Action, player: MediaPlayerInstance, event: KeyboardEvent): void {
  const { remoteControl: remote, state } = player;
  // The state follows a seek only when it is done; pressing twice means twice as far.
  const now = isVideoProvider(player.provider) ? player.provider.video.currentTime : state.currentTime;
  switch (action.do) {
    case "toggle-play":
      return remote.togglePaused(event);
    case "toggle-mute":
      return remote.toggleMuted(event);
    case "toggle-fullscreen":
      return remote.toggleFullscreen("prefer-media", event);
    case "toggle-pip":
      return remote.togglePictureInPicture(event);
    case "toggle-captions":
      return remote.toggleCaptions(event);
    case "seek-by":
      return remote.seek(within(now + action.seconds, state.duration), event);
    case "seek-to":
      return remote.seek(within(action.share * state.duration, state.duration - 1), event);
    case "frame-by":
      return state.paused ? remote.seek(within(now + action.frames * FRAME_SECONDS, state.duration), event) : undefined;
    case "volume-by":
      return remote.changeVolume(within(state.volume + action.amount, 1), event);
    case "rate-by": {
      const next = RATES[Math.max(0, RATES.findIndex((rate) => rate >= state.playbackRate)) + action.steps];
      return next === undefined ? undefined : remote.changePlaybackRate(next, event);
    }
  }
}

function within(value: number, most: number): number {
  return Math.min(Math.max(0, value), Math.max(0, most));
}

function pressOf(event: KeyboardEvent, player: HTMLElement | null): Press {
  return {
    code: event.code,
    key: event.key,
    shift: event.shiftKey,
    withModifier: event.ctrlKey || event.altKey || event.metaKey || event.isComposing,
    place: placeOf(event.target, player),
  };
}

function placeOf(target: EventTarget | null, player: HTMLElement | null): Press["place"] {
  if (!(target instanceof HTMLElement)) return "page";
  if (target.closest("input, textarea, select, [contenteditable='true']")) return "text";
  if (target.closest("[role='slider'], [role='menu'], [role^='menuitem']")) return "slider-or-menu";
  if (!player?.contains(target)) return target.closest("a, button") ? "page" : target === document.body ? "player" : "page";
  return target.closest("button, a") ? "control" : "player";
}
