/** What this browser remembers: positions and the viewer's choices. A full or forbidden store only forgets. */

import { quality, QUALITIES, type Quality } from "@/lib/api/models";

const POSITIONS = "sv:position:";
const CHOICES = "sv:player";
const START_SECONDS = 10;
const END_SHARE = 0.95;

export interface Choices {
  readonly volume: number | null;
  readonly muted: boolean | null;
  readonly rate: number | null;
  readonly captions: boolean | null;
  readonly language: string | null;
  readonly quality: Quality | null;
}

const NOTHING: Choices = { volume: null, muted: null, rate: null, captions: null, language: null, quality: null };

export type Shelf = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export class PlayerMemory {
  constructor(private readonly shelf: Shelf | null) {}

  /** Seconds at which to go on; 0 for the beginning. */
  position(title: string, episode: number | null): number {
    const saved = this.read(positionKey(title, episode));
    if (typeof saved !== "object" || saved === null) return 0;
    const { at, of } = saved as { at?: unknown; of?: unknown };
    if (typeof at !== "number" || typeof of !== "number") return 0;
    return at >= START_SECONDS && at < of * END_SHARE ? at : 0;
  }

  savePosition(title: string, episode: number | null, at: number, of: number): void {
    if (!Number.isFinite(at) || !Number.isFinite(of) || of <= 0) return;
    this.write(positionKey(title, episode), { at: Math.round(at * 10) / 10, of: Math.round(of), on: Date.now() });
  }

  forgetPosition(title: string, episode: number | null): void {
    try {
      this.shelf?.removeItem(positionKey(title, episode));
    } catch {
      // Nothing was kept, so nothing is left.
    }
  }

  choices(): Choices {
    const saved = this.read(CHOICES);
    if (typeof saved !== "object" || saved === null) return NOTHING;
    const found = saved as Record<keyof Choices, unknown>;
    return {
      volume: typeof found.volume === "number" ? Math.min(1, Math.max(0, found.volume)) : null,
      muted: typeof found.muted === "boolean" ? found.muted : null,
      rate: typeof found.rate === "number" && found.rate >= 0.25 && found.rate <= 4 ? found.rate : null,
      captions: typeof found.captions === "boolean" ? found.captions : null,
      language: typeof found.language === "string" ? found.language : null,
      quality: QUALITIES.includes(found.quality as Quality) ? quality(found.quality, CHOICES) : null,
    };
  }

  choose(changed: Partial<Choices>): void {
    this.write(CHOICES, { ...this.choices(), ...changed });
  }

  private read(key: string): unknown {
    try {
      return JSON.parse(this.shelf?.getItem(key) ?? "null") as unknown;
    } catch {
      return null;
    }
  }

  private write(key: string, value: unknown): void {
    try {
      this.shelf?.setItem(key, JSON.stringify(value));
    } catch {
      // Private windows and full stores refuse; playing goes on.
    }
  }
}

function positionKey(title: string, episode: number | null): string {
  return episode === null ? `${POSITIONS}${title}` : `${POSITIONS}${title}:${episode}`;
}

/** The browser's local store, or none where it is forbidden. */
export function localShelf(): Shelf | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
