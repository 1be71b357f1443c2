import { beforeEach, describe, expect, it } from "vitest";

import type { PlayGrant, Quality } from "@/lib/api/models";
import { GrantError } from "@/lib/player/grants";
import { PlayerMemory, type Shelf } from "@/lib/player/memory";
import { Playback, type PlaybackWorld } from "@/lib/player/playback";

const SIZE_BYTES = 100_000_000;

let asked: number;
let statuses: (number | null)[];
let probed: number[];
let waits: number[];
let refusals: GrantError[];
let memory: PlayerMemory;

function shelf(): Shelf {
  const kept = new Map<string, string>();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

async function grant(): Promise<PlayGrant> {
  asked += 1;
  const refusal = refusals.shift();
  if (refusal) throw refusal;
  const qualities: Quality[] = ["1080p", "720p"];
  return {
    title: "film",
    episode: null,
    tier: "guest",
    expiresAt: 1e10,
    tracks: [],
    sources: qualities.map((quality) => ({
      quality,
      url: `/v/${quality}?t=${asked}`,
      downloadUrl: "/d",
      sizeBytes: SIZE_BYTES,
      contentType: "video/mp4",
      codecs: null,
    })),
  };
}

function viewing(changed: Partial<PlaybackWorld> = {}): Playback {
  return new Playback({
    title: "film",
    grants: { get: grant, renew: grant },
    memory,
    canPlay: () => true,
    screenHeight: () => 1080,
    probe: async (_, byte) => {
      probed.push(byte);
      return { status: statuses.shift() ?? null, retryAfterMs: null };
    },
    wait: async (ms) => void waits.push(ms),
    now: () => 0,
    ...changed,
  });
}

async function playing(at: number): Promise<Playback> {
  const playback = viewing();
  await playback.start(null);
  playback.onReady();
  playback.onTime(at, 100);
  return playback;
}

beforeEach(() => {
  asked = 0;
  statuses = [];
  probed = [];
  waits = [];
  refusals = [];
  memory = new PlayerMemory(shelf());
});

describe("a viewing", () => {
  it("loads the fitting quality and begins where it was left", async () => {
    memory.savePosition("film", null, 42, 100);
    const playback = viewing();
    await playback.start(null);
    expect(playback.state()).toMatchObject({ quality: "1080p", startAt: 42, resumedAt: 42, autoplay: true });
    expect(playback.state().src).toBe("/v/1080p?t=1#t=42.000&n=1");
  });

  it("renews an expired link and goes on at the same position", async () => {
    const playback = await playing(33);
    statuses = [403];
    await playback.onError();
    expect(asked).toBe(2);
    expect(playback.state()).toMatchObject({ phase: "loading", quality: "1080p", startAt: 33 });
    expect(playback.state().src).toContain("/v/1080p?t=2#t=33.000");
  });

  it("waits and tries the same quality again while the network is gone", async () => {
    const playback = await playing(20);
    for (const expected of [1_000, 2_000, 4_000]) {
      statuses = [null];
      await playback.onError();
      expect(waits.at(-1)).toBe(expected);
    }
    expect(playback.state()).toMatchObject({ quality: "1080p", startAt: 20, troubled: true });
    playback.onReady();
    expect(playback.state()).toMatchObject({ phase: "playing", troubled: false });
  });

  it("falls to another quality, and says so when none is left", async () => {
    const playback = await playing(5);
    statuses = [404, 404];
    await playback.onError();
    expect(playback.state().quality).toBe("720p");
    await playback.onError();
    expect(playback.state()).toMatchObject({ phase: "failed", failure: "missing" });
  });

  it("stays paused through a switch when it was paused", async () => {
    const playback = await playing(12);
    playback.onPause();
    playback.chooseQuality("720p");
    expect(playback.state()).toMatchObject({ quality: "720p", startAt: 12, autoplay: false });
    expect(memory.choices().quality).toBe("720p");
  });

  it("lets a newer choice win over an older one that still waits", async () => {
    let go = (): void => undefined;
    const playback = viewing({ wait: () => new Promise((resolve) => (go = () => resolve(undefined))) });
    await playback.start(null);
    statuses = [503];
    const recovery = playback.onError();
    await Promise.resolve();
    await Promise.resolve();
    playback.chooseQuality("720p");
    go();
    await recovery;
    expect(playback.state().quality).toBe("720p");
  });

  it("shows why no links were given, with the request's id", async () => {
    refusals = [new GrantError("gone", "request-7")];
    const playback = viewing();
    await playback.start(null);
    expect(playback.state()).toMatchObject({ phase: "failed", failure: "gone", requestId: "request-7" });
  });

  it("keeps asking for links through a short outage", async () => {
    refusals = [new GrantError("busy", null), new GrantError("network", null)];
    const playback = viewing();
    await playback.start(null);
    expect(asked).toBe(3);
    expect(playback.state().quality).toBe("1080p");
  });

  it("looks for the fault where the browser lacks bytes, not where the film began", async () => {
    const playback = await playing(20);
    statuses = [503];
    await playback.onError({ heldSeconds: 40, durationSeconds: 100, reading: true });
    expect(probed[0]).toBeGreaterThan(40_000_000);
    expect(probed[0]).toBeLessThan(40_100_000);
    expect(waits).toEqual([1_000]);
    expect(playback.state()).toMatchObject({ phase: "loading", quality: "1080p", startAt: 20 });
  });

  it("never asks for a byte behind the last one", async () => {
    const playback = await playing(99);
    await playback.onError({ heldSeconds: 100, durationSeconds: 100, reading: true });
    expect(probed).toEqual([SIZE_BYTES - 1]);
  });

  it("does not blame the browser for a read that failed although the bytes are there again", async () => {
    const playback = await playing(20);
    statuses = [206, 206, 206];
    for (const expected of [1_000, 2_000, 4_000]) {
      await playback.onError({ heldSeconds: 21, durationSeconds: 100, reading: true });
      expect(waits.at(-1)).toBe(expected);
    }
    expect(playback.state()).toMatchObject({ quality: "1080p", failure: null });
  });

  it("goes on where the viewer jumped to while it waited for bytes", async () => {
    let go = (): void => undefined;
    const playback = viewing({ wait: () => new Promise((resolve) => (go = () => resolve(undefined))) });
    await playback.start(null);
    playback.onReady();
    playback.onTime(20, 100);
    statuses = [503];
    const recovery = playback.onError();
    await new Promise((resolve) => setTimeout(resolve));
    expect(playback.state().phase).toBe("recovering");
    playback.onSeek(70);
    go();
    await recovery;
    expect(playback.state()).toMatchObject({ phase: "loading", startAt: 70 });
  });

  it("leaves a jump in a film that plays to the film", async () => {
    const playback = await playing(20);
    playback.onSeek(0);
    statuses = [503];
    await playback.onError();
    expect(playback.state().startAt).toBe(20);
  });

  it("says that it is busy, and goes on by itself", async () => {
    let go = (): void => undefined;
    const again = new Promise<void>((resolve) => (go = resolve));
    const playback = viewing({ wait: (ms) => (ms === 10_000 ? again : Promise.resolve()) });
    await playback.start(null);
    statuses = Array.from({ length: 6 }, () => 503);
    while (playback.state().phase !== "failed") await playback.onError();
    expect(playback.state()).toMatchObject({ failure: "busy" });
    go();
    await new Promise((resolve) => setTimeout(resolve));
    expect(playback.state()).toMatchObject({ phase: "loading", failure: null });
  });
});
