import { describe, expect, it } from "vitest";

import { causeOf, nextStep } from "@/lib/player/recovery";

describe("why a film stopped", () => {
  it.each([
    [null, "network"],
    [403, "expired"],
    [401, "expired"],
    [404, "missing"],
    [410, "gone"],
    [451, "gone"],
    [424, "busy"],
    [429, "busy"],
    [500, "busy"],
    [503, "busy"],
    [200, "format"],
    [206, "format"],
  ] as const)("answer %s means %s", (status, cause) => {
    expect(causeOf(status)).toBe(cause);
  });
});

describe("what is done about it", () => {
  it("waits longer with every try when the connection is gone, then asks the viewer", () => {
    const waits = [0, 1, 2, 3].map((network) => nextStep("network", { network }));
    expect(waits).toEqual([1, 2, 4, 8].map((seconds) => ({ act: "retry", afterMs: seconds * 1000 })));
    expect(nextStep("network", { network: 6 })).toEqual({ act: "giveUp", failure: "network" });
  });

  it("asks for new links twice before it gives up", () => {
    expect(nextStep("expired", {}).act).toBe("regrant");
    expect(nextStep("expired", { expired: 1 }).act).toBe("regrant");
    expect(nextStep("expired", { expired: 2 })).toEqual({ act: "giveUp", failure: "refused" });
  });

  it("honours the server's wish, within reason, and then takes another quality", () => {
    expect(nextStep("busy", {}, 3_000)).toEqual({ act: "retry", afterMs: 3_000 });
    expect(nextStep("busy", {}, 600_000)).toEqual({ act: "retry", afterMs: 10_000 });
    expect(nextStep("busy", { busy: 3 })).toEqual({ act: "retry", afterMs: 8_000 });
    expect(nextStep("busy", { busy: 4 }).act).toBe("nextQuality");
  });

  it("never tries again what was taken down", () => {
    expect(nextStep("gone", {})).toEqual({ act: "giveUp", failure: "gone" });
  });
});
