import type { MediaStorage } from "@vidstack/react";

import type { PlayerMemory } from "@/lib/player/memory";

/** Gives the player library the viewer's choices, and the position at which the present load shall begin. */
export class RememberedChoices implements MediaStorage {
  private shownAt: () => number = () => 0;

  /** `startAt` is where the video was asked to begin, in seconds. */
  constructor(
    private readonly memory: PlayerMemory,
    private readonly startAt: () => number,
  ) {}

  /** From now on `shownAt` tells where the video stands, in seconds. */
  follow(shownAt: () => number): void {
    this.shownAt = shownAt;
  }

  /**
   * The library jumps here once the film can play. The browser has gone to the start by itself (the address says it), and
   * a viewer may have jumped since: only a browser that did neither needs to be sent.
   */
  async getTime(): Promise<number | null> {
    const seconds = this.shownAt() || this.startAt();
    return seconds > 0 ? seconds : null;
  }

  async getVolume(): Promise<number | null> {
    return this.memory.choices().volume;
  }

  async setVolume(volume: number): Promise<void> {
    this.memory.choose({ volume });
  }

  async getMuted(): Promise<boolean | null> {
    return this.memory.choices().muted;
  }

  async setMuted(muted: boolean): Promise<void> {
    this.memory.choose({ muted });
  }

  async getLang(): Promise<string | null> {
    return this.memory.choices().language;
  }

  async setLang(language: string | null): Promise<void> {
    if (language) this.memory.choose({ language });
  }

  async getCaptions(): Promise<boolean | null> {
    return this.memory.choices().captions ?? false;
  }

  async setCaptions(captions: boolean): Promise<void> {
    this.memory.choose({ captions });
  }

  async getPlaybackRate(): Promise<number | null> {
    return this.memory.choices().rate;
  }

  async setPlaybackRate(rate: number): Promise<void> {
    this.memory.choose({ rate });
  }

  /** Qualities are separate files that the viewing chooses itself. */
  async getVideoQuality(): Promise<null> {
    return null;
  }

  async getAudioGain(): Promise<null> {
    return null;
  }
}
