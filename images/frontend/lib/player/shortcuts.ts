/** Keys of the player, by physical position (`code`) where letters are meant, so that other layouts work too. */

export type Action =
  | { readonly do: "toggle-play" | "toggle-mute" | "toggle-fullscreen" | "toggle-pip" | "toggle-captions" | "next-episode" | "previous-episode" }
  | { readonly do: "seek-by"; readonly seconds: number }
  | { readonly do: "seek-to"; readonly share: number }
  | { readonly do: "volume-by"; readonly amount: number }
  | { readonly do: "rate-by"; readonly steps: 1 | -1 }
  | { readonly do: "frame-by"; readonly frames: 1 | -1 };

export interface Press {
  readonly code: string;
  readonly key: string;
  readonly shift: boolean;
  readonly withModifier: boolean;
  /** Where the focus is. */
  readonly place: "text" | "slider-or-menu" | "control" | "player" | "page";
}

/** What a key press means; null leaves it to the browser. */
export function actionFor(press: Press): Action | null {
  if (press.withModifier || press.place === "text") return null;
  return (press.shift ? shifted(press) : letter(press)) ?? located(press);
}

function shifted({ key, code }: Press): Action | null {
  if (key === ">" || code === "Period") return { do: "rate-by", steps: 1 };
  if (key === "<" || code === "Comma") return { do: "rate-by", steps: -1 };
  if (code === "KeyN") return { do: "next-episode" };
  if (code === "KeyP") return { do: "previous-episode" };
  return null;
}

function letter({ code, key }: Press): Action | null {
  switch (code) {
    case "KeyK":
      return { do: "toggle-play" };
    case "KeyJ":
      return { do: "seek-by", seconds: -10 };
    case "KeyL":
      return { do: "seek-by", seconds: 10 };
    case "KeyM":
      return { do: "toggle-mute" };
    case "KeyF":
      return { do: "toggle-fullscreen" };
    case "KeyI":
      return { do: "toggle-pip" };
    case "KeyC":
      return { do: "toggle-captions" };
    case "Comma":
      return { do: "frame-by", frames: -1 };
    case "Period":
      return { do: "frame-by", frames: 1 };
    default:
      return /^[0-9]$/.test(key) ? { do: "seek-to", share: Number(key) / 10 } : null;
  }
}

/** Keys that scroll or press elsewhere belong to the player only while it has the focus. */
function located({ code, place, shift }: Press): Action | null {
  if (shift || (place !== "player" && place !== "control")) return null;
  switch (code) {
    case "Space":
      return place === "player" ? { do: "toggle-play" } : null;
    case "ArrowLeft":
      return { do: "seek-by", seconds: -5 };
    case "ArrowRight":
      return { do: "seek-by", seconds: 5 };
    case "ArrowUp":
      return { do: "volume-by", amount: 0.05 };
    case "ArrowDown":
      return { do: "volume-by", amount: -0.05 };
    case "Home":
      return { do: "seek-to", share: 0 };
    case "End":
      return { do: "seek-to", share: 1 };
    default:
      return null;
  }
}
