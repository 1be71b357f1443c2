/**
 * One viewing: which address the player shall load, at which position, and how it gets over a fault. Knows nothing of
 * the page or the player library, which call it with what happens and follow its state.
 */

import type { PlayGrant, PlaySource, Quality } from "@/lib/api/models";

import { GrantError, type Grants } from "./grants";
import type { PlayerMemory } from "./memory";
import { type Cause, causeOf, type Failure, nextStep } from "./recovery";
import { type CanPlay, chooseSource, fallbackSource } from "./sources";

export interface PlaybackState {
  readonly phase: "idle" | "loading" | "playing" | "recovering" | "failed";
  readonly episode: number | null;
  readonly grant: PlayGrant | null;
  readonly quality: Quality | null;
  /** Different for every load, so that the same address can be loaded again. */
  readonly src: string | null;
  readonly startAt: number;
  readonly autoplay: boolean;
  /** Where an earlier viewing was taken up; null from the beginning or once acknowledged. */
  readonly resumedAt: number | null;
  /** A picture of this viewing was shown, so the poster is done. */
  readonly shown: boolean;
  /** A fault struck and the picture is not back yet. */
  readonly troubled: boolean;
  readonly failure: Failure | null;
  readonly requestId: string | null;
}

export interface Probe {
  readonly status: number | null;
  readonly retryAfterMs: number | null;
}

/** What the browser itself says of a fault. */
export interface Fault {
  /** Up to where it has the film. */
  readonly heldSeconds: number;
  /** Length of the film; 0 while it is unknown. */
  readonly durationSeconds: number;
  /** Reading failed, so whatever was read so far is good. */
  readonly reading: boolean;
}

export interface PlaybackWorld {
  readonly title: string;
  readonly grants: Pick<Grants, "get" | "renew">;
  readonly memory: PlayerMemory;
  readonly canPlay: CanPlay;
  readonly screenHeight: () => number;
  /** Asks for one byte of what is behind the address. */
  readonly probe: (url: string, byte: number) => Promise<Probe>;
  readonly wait: (ms: number) => Promise<void>;
  readonly now: () => number;
}

const IDLE: PlaybackState = {
  phase: "idle",
  episode: null,
  grant: null,
  quality: null,
  src: null,
  startAt: 0,
  autoplay: true,
  resumedAt: null,
  shown: false,
  troubled: false,
  failure: null,
  requestId: null,
};
/** A picture that stands this long without an error counts as a broken connection. */
const STALL_MS = 20_000;
const SAVE_EVERY_MS = 5_000;
/** After this much of healthy playing, earlier faults are forgotten. */
const HEALTHY_SECONDS = 10;
/** How far behind what the browser holds the missing byte is sought: its share of the film is not exact to the byte. */
const PROBE_AHEAD_BYTES = 64 * 1024;
const UNKNOWN_FAULT: Fault = { heldSeconds: 0, durationSeconds: 0, reading: false };
/** Failures that pass without anybody's doing are tried again by ourselves, so long after one another and so often. */
const PASSING: ReadonlySet<Failure> = new Set(["busy", "network"]);
const AGAIN_MS = 10_000;
const AGAIN_TIMES = 12;

export class Playback {
  private current: PlaybackState = IDLE;
  private readonly listeners = new Set<() => void>();
  private tries: Partial<Record<Cause, number>> = {};
  private excluded = new Set<Quality>();
  private position = 0;
  private duration = 0;
  private wanted = true;
  private healthyFrom = 0;
  private savedAt = 0;
  private loads = 0;
  private stalls = 0;
  private triesByItself = 0;
  /** Rises with every new viewing or choice; what still waits for an older one gives up. */
  private turn = 0;

  constructor(private readonly world: PlaybackWorld) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly state = (): PlaybackState => this.current;

  /** Starts a film (null) or an episode where this browser left it. */
  async start(episode: number | null): Promise<void> {
    this.save();
    const turn = ++this.turn;
    this.forgetFaults();
    this.triesByItself = 0;
    this.wanted = true;
    this.duration = 0;
    this.position = this.world.memory.position(this.world.title, episode);
    this.savedAt = this.world.now();
    const resumedAt = this.position > 0 ? this.position : null;
    // The earlier address stays until the new one is known: without any, the player would take itself apart.
    this.set({ ...IDLE, src: this.current.src, phase: "loading", episode, resumedAt });
    await this.loadGranted(turn, () => this.world.grants.get(episode));
  }

  /** Switches to another quality at the same position. */
  chooseQuality(quality: Quality): void {
    const source = this.current.grant?.sources.find((entry) => entry.quality === quality);
    if (!source || quality === this.current.quality) return;
    this.world.memory.choose({ quality });
    this.turn += 1;
    this.forgetFaults();
    this.load(source);
  }

  /** After a failure, by the viewer's wish: everything once more. */
  async retry(): Promise<void> {
    this.triesByItself = 0;
    await this.beginAgain();
  }

  private async beginAgain(): Promise<void> {
    const turn = ++this.turn;
    this.forgetFaults();
    // The quality too is chosen anew: a fault may have led to one that nobody wanted.
    this.set({ phase: "loading", quality: null, failure: null, requestId: null });
    await this.loadGranted(turn, () => this.world.grants.renew(this.current.episode));
  }

  /** The same film or episode from its beginning. */
  async restart(): Promise<void> {
    const { episode } = this.current;
    this.duration = 0;
    this.world.memory.forgetPosition(this.world.title, episode);
    await this.start(episode);
  }

  acknowledgeResume(): void {
    this.set({ resumedAt: null });
  }

  onTime(seconds: number, duration: number): void {
    if (this.current.phase !== "playing") return;
    if (seconds !== this.position) this.stalls += 1;
    if (seconds - this.healthyFrom > HEALTHY_SECONDS) {
      this.tries = {};
      this.triesByItself = 0;
    }
    this.position = seconds;
    this.duration = duration;
    if (this.world.now() - this.savedAt >= SAVE_EVERY_MS) this.save();
  }

  /** The viewer jumps. While there is no film to jump in, that is where it will go on. */
  onSeek(seconds: number): void {
    const { phase } = this.current;
    if (phase === "recovering" || phase === "failed") this.position = seconds;
  }

  /** The first frame at the wanted position is there. */
  onReady(): void {
    if (this.current.phase !== "loading") return;
    this.healthyFrom = this.position;
    this.set({ phase: "playing", shown: true, troubled: false });
  }

  onPlay(): void {
    this.wanted = true;
  }

  onPause(): void {
    if (this.current.phase !== "playing") return;
    this.wanted = false;
    this.save();
  }

  /** Keeps the position; also called when the page goes away. */
  save(): void {
    if (this.duration <= 0) return;
    this.savedAt = this.world.now();
    this.world.memory.savePosition(this.world.title, this.current.episode, this.position, this.duration);
  }

  /** The player could not load or go on. */
  onError(fault: Fault = UNKNOWN_FAULT): Promise<void> {
    return this.investigate(fault);
  }

  /** The picture stands for want of bytes. */
  async onWaiting(): Promise<void> {
    const [turn, stall] = [this.turn, ++this.stalls];
    await this.world.wait(STALL_MS);
    if (turn === this.turn && stall === this.stalls && this.current.phase === "playing") {
      await this.investigate({ ...UNKNOWN_FAULT, reading: true });
    }
  }

  private async investigate(fault: Fault): Promise<void> {
    const { src, phase } = this.current;
    if (src === null || (phase !== "loading" && phase !== "playing")) return;
    const turn = ++this.turn;
    this.set({ phase: "recovering", troubled: true });
    const probe = await this.world.probe(src, this.lackingByte(fault));
    if (turn !== this.turn) return;
    const cause = causeOf(probe.status);
    await this.recover(turn, fault.reading && cause === "format" ? "network" : cause, probe.retryAfterMs);
  }

  /** A byte that the player lacks: what it holds may come from the edge, while nobody is there to fetch the rest. */
  private lackingByte({ heldSeconds, durationSeconds }: Fault): number {
    const duration = durationSeconds > 0 ? durationSeconds : this.duration;
    const size = this.source(this.current.quality)?.sizeBytes ?? 0;
    if (duration <= 0 || size <= 0) return 0;
    const held = (Math.max(this.position, heldSeconds) / duration) * size;
    return Math.min(size - 1, Math.floor(held) + PROBE_AHEAD_BYTES);
  }

  private async recover(turn: number, cause: Cause, retryAfterMs: number | null): Promise<void> {
    const step = nextStep(cause, this.tries, retryAfterMs);
    this.tries = { ...this.tries, [cause]: (this.tries[cause] ?? 0) + 1 };
    switch (step.act) {
      case "giveUp":
        return this.fail(step.failure, null);
      case "regrant":
        return this.loadGranted(turn, () => this.world.grants.renew(this.current.episode));
      case "retry": {
        await this.world.wait(step.afterMs);
        const source = this.source(this.current.quality);
        if (turn === this.turn && source) this.load(source);
        return;
      }
      case "nextQuality": {
        const failed = this.current.quality;
        if (failed) this.excluded.add(failed);
        const source = failed && fallbackSource(this.current.grant?.sources ?? [], failed, this.choice());
        return source ? this.load(source) : this.fail(step.otherwise, null);
      }
    }
  }

  private async loadGranted(turn: number, ask: () => Promise<PlayGrant>): Promise<void> {
    let grant: PlayGrant;
    try {
      grant = await ask();
    } catch (error) {
      if (turn !== this.turn) return;
      if (!(error instanceof GrantError)) throw error;
      if (error.failure !== "network" && error.failure !== "busy") return this.fail(error.failure, error.requestId);
      const step = nextStep(error.failure, this.tries);
      this.tries = { ...this.tries, [error.failure]: (this.tries[error.failure] ?? 0) + 1 };
      if (step.act !== "retry") return this.fail(error.failure, error.requestId);
      this.set({ phase: "recovering", troubled: true, requestId: error.requestId });
      await this.world.wait(step.afterMs);
      return turn === this.turn ? this.loadGranted(turn, ask) : undefined;
    }
    if (turn !== this.turn) return;
    this.set({ grant });
    const source = this.source(this.current.quality) ?? chooseSource(grant.sources, this.choice());
    if (source) this.load(source);
    else this.fail(grant.sources.length === 0 ? "missing" : "format", null);
  }

  private source(quality: Quality | null): PlaySource | null {
    return this.current.grant?.sources.find((entry) => entry.quality === quality) ?? null;
  }

  private choice() {
    const { canPlay, memory, screenHeight } = this.world;
    return { canPlay, preferred: memory.choices().quality, screenHeight: screenHeight(), excluded: this.excluded };
  }

  private load(source: PlaySource): void {
    this.loads += 1;
    // The fragment lets the browser begin at the position instead of at the first byte.
    const src = `${source.url}#t=${this.position.toFixed(3)}&n=${this.loads}`;
    this.set({ phase: "loading", src, quality: source.quality, startAt: this.position, autoplay: this.wanted, failure: null });
  }

  private fail(failure: Failure, requestId: string | null): void {
    this.save();
    this.set({ phase: "failed", failure, requestId });
    if (PASSING.has(failure)) void this.tryByItself();
  }

  private async tryByItself(): Promise<void> {
    if (this.triesByItself >= AGAIN_TIMES) return;
    this.triesByItself += 1;
    const { turn } = this;
    await this.world.wait(AGAIN_MS);
    if (turn === this.turn) await this.beginAgain();
  }

  private forgetFaults(): void {
    this.tries = {};
    this.excluded = new Set();
  }

  private set(changed: Partial<PlaybackState>): void {
    this.current = { ...this.current, ...changed };
    for (const listener of this.listeners) listener();
  }
}
