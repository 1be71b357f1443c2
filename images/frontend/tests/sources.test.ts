import { describe, expect, it } from "vitest";

import type { PlaySource, Quality } from "@/lib/api/models";
import { chooseSource, fallbackSource, type Choice } from "@/lib/player/sources";

function source(quality: Quality, codecs: string | null = null): PlaySource {
  return { quality, codecs, url: `/v/${quality}`, downloadUrl: "/d", sizeBytes: 1, contentType: "video/mp4" };
}

const all = [source("2160p"), source("1080p"), source("720p")];
const choice = (changed: Partial<Choice> = {}): Choice => ({
  canPlay: () => true,
  preferred: null,
  screenHeight: 1080,
  excluded: new Set(),
  ...changed,
});

describe("the quality to start with", () => {
  it.each([
    [600, "720p"],
    [720, "720p"],
    [900, "1080p"],
    [1080, "1080p"],
    [1440, "2160p"],
    [4320, "2160p"],
  ])("a screen of %i rows gets %s", (screenHeight, quality) => {
    expect(chooseSource(all, choice({ screenHeight }))?.quality).toBe(quality);
  });

  it("is what the viewer chose last, when there is one", () => {
    expect(chooseSource(all, choice({ preferred: "2160p" }))?.quality).toBe("2160p");
    expect(chooseSource(all, choice({ preferred: "480p" }))?.quality).toBe("1080p");
  });

  it("is none that the browser cannot play", () => {
    const sources = [source("2160p", "hvc1"), source("1080p", "avc1")];
    const canPlay = (type: string) => !type.includes("hvc1");
    expect(chooseSource(sources, choice({ canPlay, preferred: "2160p" }))?.quality).toBe("1080p");
    expect(chooseSource(sources, choice({ canPlay: () => false }))).toBeNull();
  });
});

describe("the quality after a failed one", () => {
  it("is the next lower, else the next higher, never an excluded one", () => {
    expect(fallbackSource(all, "1080p", choice())?.quality).toBe("720p");
    expect(fallbackSource(all, "720p", choice())?.quality).toBe("1080p");
    expect(fallbackSource(all, "1080p", choice({ excluded: new Set<Quality>(["720p"]) }))?.quality).toBe("2160p");
    expect(fallbackSource([source("720p")], "720p", choice())).toBeNull();
  });
});
