/** The one reader of the environment. */

import { contrast, isHexColour, mix } from "./colour";

const BACKGROUND = "#0e1015";
const ACCENT = "#8b7cff";
const READABLE = 4.5;

export interface Brand {
  readonly name: string;
  readonly accent: string;
  readonly accentStrong: string;
}

export interface SiteSettings {
  readonly brand: Brand;
  /** Tells search engines to stay away. */
  readonly noindex: boolean;
  /** Public address without a trailing slash; null makes addresses relative to the request's host. */
  readonly publicUrl: string | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function managerUrl(env: Environment = process.env): string {
  return (env.MANAGER_URL ?? "http://manager:8080").replace(/\/+$/, "");
}

export function readSettings(env: Environment = process.env): SiteSettings {
  return {
    brand: { name: env.SITE_NAME?.trim() || "StreamVault", ...accents(env.SITE_ACCENT) },
    noindex: ["1", "true", "yes"].includes((env.SITE_NOINDEX ?? "").toLowerCase()),
    publicUrl: env.PUBLIC_URL ? env.PUBLIC_URL.replace(/\/+$/, "") : null,
  };
}

/** An accent that cannot be read on the page's background is refused in favour of the default. */
function accents(wanted: string | undefined): { accent: string; accentStrong: string } {
  const usable = wanted !== undefined && isHexColour(wanted) && contrast(wanted, BACKGROUND) >= READABLE;
  const accent = usable ? wanted : ACCENT;
  return { accent, accentStrong: mix(accent, "#ffffff", 0.36) };
}
