import { readSettings } from "@/lib/settings";

export const dynamic = "force-dynamic";

export function GET(): Response {
  const { name } = readSettings().brand;
  const manifest = {
    name,
    short_name: name,
    start_url: "/",
    display: "standalone",
    background_color: "#08090c",
    theme_color: "#08090c",
    icons: [{ src: "/brand-icon", sizes: "any", type: "image/svg+xml" }],
  };
  return new Response(JSON.stringify(manifest), { headers: { "content-type": "application/manifest+json" } });
}
