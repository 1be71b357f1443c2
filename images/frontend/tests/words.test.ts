import { describe, expect, it } from "vitest";

import { DecodeError } from "@/lib/api/decode";
import { playGrant, titleList } from "@/lib/api/models";
import { contrast, mix } from "@/lib/colour";
import { contentSecurityPolicy } from "@/lib/csp";
import { clock, fileSize, isoDuration, runtime } from "@/lib/format";
import { escapeForScript } from "@/lib/jsonld";
import { PlayerMemory } from "@/lib/player/memory";
import { actionFor, type Press } from "@/lib/player/shortcuts";
import { browseHref, readBrowseQuery, readEpisode } from "@/lib/queries";
import { requestIdOf } from "@/lib/request-id";
import { seriesLine } from "@/lib/titles";
import { readSettings } from "@/lib/settings";

describe("numbers in words", () => {
  it.each([
    [50, "50 s"],
    [2_700, "45 min"],
    [3_600, "1 h"],
    [5_790, "1 h 37 min"],
  ])("%i seconds run %s", (seconds, words) => expect(runtime(seconds)).toBe(words));

  it.each([
    [900, "900 B"],
    [1_500, "1.5 kB"],
    [734_003_200, "734 MB"],
    [999_600_000, "1.0 GB"],
  ])("%i bytes are %s", (bytes, words) => expect(fileSize(bytes)).toBe(words));

  it("shows hours only when there are any", () => {
    expect([clock(65), clock(3_725), clock(-1)]).toEqual(["1:05", "1:02:05", "0:00"]);
    expect(isoDuration(5_790)).toBe("PT1H36M30S");
  });
});

describe("the name of a season", () => {
  it.each([
    ["Night Signals", "Season 2"],
    ["Night Signals: Season 2", null],
    ["The Second Winter", "Night Signals · Season 2"],
  ])("%s is completed by %s", (displayName, line) => {
    expect(seriesLine({ displayName, series: { id: "n", name: "Night Signals", season: 2 } })).toBe(line);
  });
});

describe("answers of the API", () => {
  it("are refused when an address leads elsewhere", () => {
    const source = { quality: "720p", url: "https://elsewhere/", downloadUrl: "/d", sizeBytes: 1, contentType: "video/mp4", codecs: null };
    const grant = { title: "a", episode: null, tier: "guest", expiresAt: 1, sources: [source], tracks: [] };
    expect(() => playGrant(grant, "")).toThrow(DecodeError);
    expect(() => playGrant({ ...grant, sources: [{ ...source, url: "//elsewhere/" }] }, "")).toThrow("sources[0].url");
    expect(playGrant({ ...grant, sources: [{ ...source, url: "/v/1" }] }, "").sources).toHaveLength(1);
  });

  it("lose fields that the site does not know", () => {
    expect(titleList({ items: [], nextCursor: null, total: 0, secret: 1 }, "")).toEqual({ items: [], nextCursor: null, total: 0 });
  });
});

describe("a site's own look", () => {
  it("takes an accent that can be read and refuses one that cannot", () => {
    expect(readSettings({ SITE_ACCENT: "#f5c451" }).brand.accent).toBe("#f5c451");
    expect(readSettings({ SITE_ACCENT: "#202020" }).brand.accent).toBe("#8b7cff");
    expect(readSettings({ SITE_ACCENT: "red;}" }).brand.accent).toBe("#8b7cff");
    expect(contrast("#ffffff", "#000000")).toBeCloseTo(21);
    expect(mix("#000000", "#ffffff", 0.5)).toBe("#808080");
  });

  it("has a name by default and keeps the public address without a slash", () => {
    expect(readSettings({})).toMatchObject({ brand: { name: "StreamVault" }, noindex: false, publicUrl: null });
    expect(readSettings({ PUBLIC_URL: "https://films.example/" }).publicUrl).toBe("https://films.example");
  });
});

describe("what comes from outside", () => {
  it("cannot leave a script element", () => {
    expect(escapeForScript({ name: "</script>\u2028" })).toBe('{"name":"\\u003c/script>\\u2028"}');
  });

  it("is a request id only in a harmless form", () => {
    expect(requestIdOf(new Headers({ "x-request-id": "abc-1234" }))).toBe("abc-1234");
    expect(requestIdOf(new Headers({ "x-request-id": "a b" }))).toMatch(/^[0-9a-f]{32}$/);
  });

  it("is a list query only in known words", () => {
    const query = readBrowseQuery(new URLSearchParams("kind=constructor&q=%20x%20&cursor=9"));
    expect(query).toMatchObject({ kind: null, q: "x", cursor: "9" });
    expect(browseHref({ kind: "movie", q: "a&b" })).toBe("/browse?kind=movie&q=a%26b");
    expect([readEpisode("3"), readEpisode("3x"), readEpisode(["4", "5"]), readEpisode(undefined)]).toEqual([3, null, 4, null]);
  });

  it("may not run as a script", () => {
    const policy = contentSecurityPolicy("abc", false);
    expect(policy).toContain("script-src 'nonce-abc' 'strict-dynamic';");
    expect(policy).not.toContain("unsafe-eval");
  });
});

describe("what the browser remembers", () => {
  const kept = new Map<string, string>();
  const memory = new PlayerMemory({
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  });

  it("goes on in the middle, but not at the very beginning or end", () => {
    for (const [at, expected] of [[5, 0], [50, 50], [97, 0]] as const) {
      memory.savePosition("film", 2, at, 100);
      expect(memory.position("film", 2)).toBe(expected);
    }
    expect(memory.position("film", 3)).toBe(0);
  });

  it("survives rubbish and a store that refuses", () => {
    kept.set("sv:player", '{"volume":"loud","rate":900,"quality":"8k"}');
    expect(memory.choices()).toMatchObject({ volume: null, rate: null, quality: null });
    kept.set("sv:player", "{");
    expect(memory.choices().volume).toBeNull();
    const refuse = (): never => {
      throw new Error("full");
    };
    const broken = new PlayerMemory({ getItem: refuse, setItem: refuse, removeItem: refuse });
    broken.choose({ volume: 1 });
    expect(broken.position("film", null)).toBe(0);
  });
});

describe("keys", () => {
  const press = (code: string, changed: Partial<Press> = {}): Press => ({
    code,
    key: code.replace(/^(Key|Digit)/, "").toLowerCase(),
    shift: false,
    withModifier: false,
    place: "player",
    ...changed,
  });

  it("reach the player by their place on the keyboard, in any layout", () => {
    expect(actionFor(press("KeyK", { key: "л" }))).toEqual({ do: "toggle-play" });
    expect(actionFor(press("KeyL", { place: "page" }))).toEqual({ do: "seek-by", seconds: 10 });
    expect(actionFor(press("Digit3"))).toEqual({ do: "seek-to", share: 0.3 });
    expect(actionFor(press("Period", { key: ">", shift: true }))).toEqual({ do: "rate-by", steps: 1 });
  });

  it("stay with whatever has the focus when they mean something there", () => {
    expect(actionFor(press("KeyK", { place: "text" }))).toBeNull();
    expect(actionFor(press("KeyF", { withModifier: true }))).toBeNull();
    expect(actionFor(press("Space", { key: " ", place: "control" }))).toBeNull();
    expect(actionFor(press("ArrowRight", { place: "slider-or-menu" }))).toBeNull();
    expect(actionFor(press("ArrowDown", { place: "page" }))).toBeNull();
  });
});
