import { readSettings } from "@/lib/settings";

export const dynamic = "force-dynamic";

/** The favicon in the site's own accent; both colours are checked hex values. */
export function GET(): Response {
  const { accent, accentStrong } = readSettings().brand;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none">` +
    `<path d="M16 1.5 29 8.8v14.4L16 30.5 3 23.2V8.8Z" fill="#0e1015" stroke="${accent}" stroke-width="2" stroke-linejoin="round"/>` +
    `<path d="M13 10.8v10.4a.8.8 0 0 0 1.2.7l8-5.2a.8.8 0 0 0 0-1.4l-8-5.2a.8.8 0 0 0-1.2.7Z" fill="${accentStrong}"/></svg>`;
  return new Response(svg, { headers: { "content-type": "image/svg+xml", "cache-control": "public, max-age=3600" } });
}
