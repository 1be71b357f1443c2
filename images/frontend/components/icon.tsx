/** Line icons on a 24 px grid; decorative, so their control carries the name. */

const PATHS = {
  play: "M8 5.2v13.6c0 .8.9 1.3 1.6.8l10-6.8a1 1 0 0 0 0-1.6l-10-6.8c-.7-.5-1.6 0-1.6.8Z",
  pause: "M7 5h3.2v14H7zM13.8 5H17v14h-3.2z",
  replay: "M4 4v6h6M4.6 15A8 8 0 1 0 6 6.3L4 10",
  back: "M4 4v6h6M4.6 15A8 8 0 1 0 6 6.3L4 10",
  forward: "M20 4v6h-6M19.4 15A8 8 0 1 1 18 6.3L20 10",
  volume: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5H4ZM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  muted: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5H4ZM16 9.5l5 5M21 9.5l-5 5",
  captions: "M4.5 5.5h15a1.5 1.5 0 0 1 1.5 1.5v10a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17V7a1.5 1.5 0 0 1 1.5-1.5ZM10.5 10.6a2 2 0 1 0 0 2.8M17 10.6a2 2 0 1 0 0 2.8",
  quality: "M4 7h9M17 7h3M4 17h3M11 17h9M13 4.5v5M11 14.5v5",
  speed: "M5 18a9 9 0 1 1 14 0M12 14l4-5",
  pip: "M4.5 5h15A1.5 1.5 0 0 1 21 6.5v11a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17.5v-11A1.5 1.5 0 0 1 4.5 5ZM12 12h6v4h-6z",
  fullscreen: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  shrink: "M9 4v5H4M15 4v5h5M9 20v-5H4M15 20v-5h5",
  next: "M6 5.5v13l9-6.5zM18 5v14",
  check: "m5 12.5 4.5 4.5L19 7.5",
  search: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14ZM16 16l4.5 4.5",
  download: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  home: "M4 11.5 12 4l8 7.5M6 10v9.5h4.5V15h3v4.5H18V10",
  movie: "M4.5 5h15A1.5 1.5 0 0 1 21 6.5v11a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17.5v-11A1.5 1.5 0 0 1 4.5 5ZM7.5 5v14M16.5 5v14M3 12h18",
  series: "M4.5 8h15A1.5 1.5 0 0 1 21 9.5v8a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17.5v-8A1.5 1.5 0 0 1 4.5 8ZM8 3.5l4 4 4-4",
  left: "m14.5 5-7 7 7 7",
  right: "m9.5 5 7 7-7 7",
  close: "M6 6l12 12M18 6 6 18",
  warning: "M12 4 2.8 19.5h18.4L12 4ZM12 10v4.5M12 17.2v.1",
  gone: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18ZM6 6l12 12",
} as const;

export type IconName = keyof typeof PATHS;
const SOLID: ReadonlySet<IconName> = new Set(["play", "pause"]);

export function Icon({ name, size = 24 }: { readonly name: IconName; readonly size?: number }) {
  const solid = SOLID.has(name);
  return (
    <svg
      aria-hidden="true"
      focusable="false"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill={solid ? "currentColor" : "none"}
      stroke={solid ? "none" : "currentColor"}
      strokeWidth={1.8}
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
